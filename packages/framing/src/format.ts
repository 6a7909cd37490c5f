/**
 * A frame: the only unit that a Holdfast file is made of. All numbers are little-endian.
 *
 *      0         1         2         3         4         5         6         7
 *     +---------+---------+-------------------+---------------------------------------+
 *   0 | version |  kind   |       flags       |                length                 |
 *     +---------+---------+-------------------+---------------------------------------+
 *   8 |           payload checksum            |            header checksum            |
 *     +---------------------------------------+---------------------------------------+
 *  16 |                                                                               |
 *     :                           payload (`length` bytes)            +---------------+
 *     |                                                               | zeros (0-7)   |
 *     +---------------------------------------------------------------+---------------+
 *
 * - `version` (u8) stands first, so that a reader can tell a frame of a later format from damage. It is
 *   never 0: unwritten, preallocated space reads back as zeros, and zeros must not be a frame under any
 *   seed. The checksum alone can't promise that, since there is one seed whose checksum of a header of
 *   zeros is zero.
 * - `kind` (u8) says what the payload is, to the layer above. A kind that a reader doesn't know is an
 *   error, unless its top bit is set: then the frame may be stepped over. That is how a later minor
 *   version adds what older readers can do without.
 * - `flags` (u16) say how the payload is to be read. A flag that a reader doesn't know is an error in a
 *   frame of any kind: it would misread what the flag changes.
 * - `length` (u32) counts payload bytes without the padding. It is bounded by `MAX_PAYLOAD_BYTES`, which
 *   is part of the format and not an option: what one writer could write, every reader can read.
 * - `payload checksum` (u32) covers the payload *and* the padding behind it. It looks as if the padding
 *   could be left out, being zeros anyway; but then a flipped bit in it would be a byte of the file that
 *   nothing vouches for.
 * - `header checksum` (u32) covers the 12 bytes before it, so also the payload's checksum. It looks as if
 *   one checksum over everything would do. But a reader has to act on `length` (allocate, read, step
 *   over) before it can check the payload, and when only the payload is damaged the sound header says
 *   how far the damage goes and which bytes come next.
 * - Frames begin at multiples of 8 in their file. The padding keeps it so, and a search for frames behind
 *   damage has one place in eight to look at.
 *
 * Both checksums are CRC-32 (IEEE 802.3, as in zlib and gzip), started from a seed instead of from 0. The
 * seed is the random salt of the file, and `FORMAT_SEED` for the header frame, which carries the salt.
 * Bytes of another file, or of an earlier life of the same disk blocks, are therefore not taken for this
 * file's: with the bytes given, each seed leads to another checksum, so a frame that is valid under one
 * seed is valid under no other.
 */

/** The version that is written, and the newest that is read. Part of the format. */
export const FRAME_VERSION = 1

/** Bytes before the payload. Part of the format. */
export const FRAME_HEADER_BYTES = 16

/** Frames begin at multiples of this in their file. Part of the format. */
export const FRAME_ALIGNMENT = 8

/** How many bytes of the header its own checksum covers: those before it. Part of the format. */
export const HEADER_CHECKED_BYTES = 12

/**
 * The largest payload, 256 MiB. Part of the format: a reader may refuse more before it allocates anything,
 * and no writer has an option to go past it. It is far above a batch of the log and a chunk of a snapshot.
 */
export const MAX_PAYLOAD_BYTES: number = 256 * 1024 * 1024

/**
 * The seed of a file's first frame, which is the one that carries the file's own salt: "HOLD" in ASCII.
 * Part of the format.
 */
export const FORMAT_SEED = 0x444c4f48

/** Kinds with this bit set may be stepped over by a reader that doesn't know them. Part of the format. */
export const SKIPPABLE_KIND_BIT = 0x80

/** The size in the file of a frame with that many payload bytes: header, payload and padding. */
export function frameBytes(payloadBytes: number): number {
  return FRAME_HEADER_BYTES + payloadBytes + paddingBytes(payloadBytes)
}

/** The zeros behind a payload of that size. */
export function paddingBytes(payloadBytes: number): number {
  return -payloadBytes & (FRAME_ALIGNMENT - 1)
}
