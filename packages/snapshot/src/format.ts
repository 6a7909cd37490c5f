/*
 * The snapshot file. Everything here is part of the format: docs/format.md describes it, golden files pin it.
 *
 *   +----------------------+ 0
 *   | header frame         |  checksummed with the format's fixed seed
 *   +----------------------+
 *   | chunk frame          |  checksummed with the salt from the header, like all that follows
 *   | chunk | chunk ...    |  at least one
 *   +----------------------+
 *   | footer frame         |
 *   +----------------------+ the end of the file: nothing is behind the footer
 *
 * Header payload:
 *   magic 8 | format u16 | compression u8 | reserved u8 = 0 | salt u32 | store id 16 | id u64 | seq u64
 *   | time u64 | epoch u64 | machine version u32 | codec (u16 length, UTF-8) | note (u32 length)
 *
 *   The salt seeds every checksum behind the header, so that chunks of another snapshot never validate
 *   here. `id` and `seq` stand in the file's name too; a reader compares them, since a file under another
 *   name would be restored as a state that it is not. `compression` says what the chunks may be compressed
 *   with, so that a runtime that lacks it refuses before it has restored half a state. `note` is the
 *   writer's own: what belongs to this snapshot, and must not make a difference to the digest of the state.
 *
 * Chunk payload, before compression:
 *   values u32 | ops bytes u32 | ops | values in the codec's bytes
 *
 *   A snapshot is a sequence of values. A small value is stored as the codec writes it. A value that is too
 *   large for that is taken apart: OPEN (what it is, how large it is), then what it is made of, each again
 *   small or taken apart, then CLOSE. The ops say which is which, the values of the chunk stand behind
 *   them in the same order:
 *
 *     VALUES  u8 = 1 | count u32      the next `count` values, at the level that is open
 *     CLOSE   u8 = 2                  the innermost open value is complete
 *     OPEN    u8 = 16 + kind | size u64
 *
 *   Ops and values are apart because the codec describes the shape of records once in a chunk and not once
 *   for each value: that makes decoding three times as fast. A chunk's values decode without any other
 *   chunk. What is open at the end of a chunk goes on in the next one.
 *
 *   `values` and the counts look redundant. They let a reader refuse a count that the bytes cannot hold
 *   before it allocates. `size` tells it how much memory a large binary needs, and that nothing is missing
 *   at CLOSE; a writer finds out that a value was changed under its hands.
 *
 *   A compressed chunk (the flag ZSTD of its frame) is: bytes before compression u32 | zstd data.
 *
 * Footer payload:
 *   entries u64 | chunks u64 | payload bytes u64 | digest 32 | frames u32
 *
 *   `digest` is SHA-256 over the chunk payloads before compression. Nothing in them depends on anything but
 *   the values: not on the salt, the time, the compression, on when the writer was flushed. Two
 *   snapshots of one state can be compared by it. `frames` is the CRC-32 of the header checksums of all
 *   frames before the footer: it vouches for those that the digest doesn't cover.
 */

/** The format version that is written, and the newest that is read. */
export const FORMAT_VERSION = 1

/** Part of the format: the first bytes of the header's payload. */
export const MAGIC: Buffer = Buffer.from('HOLDSNAP', 'latin1')

/** Part of the format: the kinds of frame in a snapshot. */
export const KIND = { header: 1, chunk: 2, footer: 3 } as const
export const SNAPSHOT_KINDS: ReadonlySet<number> = new Set(Object.values(KIND))

/** Part of the format: the flag of a chunk frame whose payload is compressed. */
export const FLAG_ZSTD = 1

/** Part of the format: the ops of a chunk. */
export const OP = { values: 1, close: 2, open: 16 } as const
export const VALUES_OP_BYTES = 5
export const CLOSE_OP_BYTES = 1
export const OPEN_OP_BYTES = 9

/** Part of the format: bytes of a chunk's payload before its ops. */
export const CHUNK_PREFIX_BYTES = 8

/** Part of the format: bytes of a compressed chunk before the compressed data. */
export const COMPRESSED_PREFIX_BYTES = 4

/**
 * Part of the format: a chunk is cut after the op or the value with which its ops and values reach this.
 * Large enough that frame, checksum, system call and turn of the event loop cost nothing beside the values
 * in it; small enough that encoding one does not keep the event loop for more than a few milliseconds.
 */
export const CHUNK_BYTES: number = 256 * 1024

/**
 * Part of the format: a chunk is cut after this many values too. Of the smallest values so many more go into
 * `CHUNK_BYTES` that encoding them would keep the event loop for tens of milliseconds.
 */
export const CHUNK_VALUES: number = 64 * 1024

/**
 * Part of the format: no chunk is larger before compression. A reader refuses more before it allocates. It is
 * never come near to: a chunk is cut at `CHUNK_BYTES`, and a value adds at most `INLINE_BYTES`.
 */
export const MAX_CHUNK_BYTES: number = 1024 * 1024

/**
 * Part of the format: a value whose size bound (`exceedsInline`) is above this is taken apart. Not needed to read
 * a snapshot; needed to write one with the same digest.
 */
export const INLINE_BYTES: number = 64 * 1024

/** Part of the format: a long string is cut into pieces of this many UTF-16 units, one less where a pair would be torn. */
export const STRING_PIECE_UNITS: number = 16 * 1024

/** Part of the format: long binary data is cut into pieces of this many bytes. */
export const BINARY_PIECE_BYTES: number = 32 * 1024

/** Part of the format: the longest note. */
export const MAX_NOTE_BYTES: number = 16 * 1024 * 1024

/** Part of the format: the length of a store id. */
export const STORE_ID_BYTES = 16

/** Part of the format: the length of the footer's digest. */
export const DIGEST_BYTES = 32

/**
 * What one writer or one reader of a snapshot holds in memory beside the values, at most: buffers for some chunks of the
 * largest size, and what is decoded of one. Not counted: garbage until it is collected, and 8 bytes for each key of one
 * plain object that is too large for a piece.
 */
export const SNAPSHOT_MEMORY_BYTES: number = 16 * 1024 * 1024
