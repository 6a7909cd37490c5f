// What reached the disk, in the order in which it did. disk.c writes it; its entries are in an enum there.
import { readFile } from 'node:fs/promises'

const ENTRY_HEADER_BYTES = 16
const KIND = { write: 1, zeros: 2, flush: 3, note: 4, failedWrite: 5, failedFlush: 6 } as const

/** `null` for bytes: zeros. */
export interface BlockWrite {
  readonly type: 'write'
  readonly offset: number
  readonly length: number
  readonly bytes: Buffer | null
}

export type BlockEntry =
  | BlockWrite
  /** Everything before it is on the medium. */
  | { readonly type: 'flush' }
  | { readonly type: 'note'; readonly note: Note }
  | { readonly type: 'failed-write'; readonly offset: number; readonly length: number }
  | { readonly type: 'failed-flush' }

/** What the harness and its victims say in between. */
export type Note =
  /** The file system has been made: the run begins. */
  | { readonly type: 'start' }
  /** Everything up to this sequence was promised to survive a power cut. */
  | { readonly type: 'durable'; readonly seq: number }
  /** Acknowledged at level `os`. */
  | { readonly type: 'written'; readonly seq: number }
  /** A segment was made of batches that were written again. */
  | { readonly type: 'published'; readonly segmentId: number }

export interface BlockLog {
  /** What made the file system. */
  readonly before: readonly BlockEntry[]
  readonly entries: readonly BlockEntry[]
}

export async function readBlockLog(path: string): Promise<BlockLog> {
  const entries = [...parse(await readFile(path))]
  const start = entries.findIndex((entry) => entry.type === 'note' && entry.note.type === 'start')
  return { before: entries.slice(0, start), entries: entries.slice(start + 1) }
}

function* parse(log: Buffer): Generator<BlockEntry, void, undefined> {
  for (let at = 0; at < log.length; ) {
    const kind = log.readUInt32LE(at)
    const length = log.readUInt32LE(at + 4)
    const offset = Number(log.readBigUInt64LE(at + 8))
    at += ENTRY_HEADER_BYTES
    switch (kind) {
      case KIND.write:
        yield { type: 'write', offset, length, bytes: log.subarray(at, at + length) }
        at += length
        break
      case KIND.zeros:
        yield { type: 'write', offset, length, bytes: null }
        break
      case KIND.flush:
        yield { type: 'flush' }
        break
      case KIND.note:
        yield { type: 'note', note: JSON.parse(log.toString('utf8', at, at + length)) as Note }
        at += length
        break
      case KIND.failedWrite:
        yield { type: 'failed-write', offset, length }
        break
      case KIND.failedFlush:
        yield { type: 'failed-flush' }
        break
      default:
        throw new Error(`an entry of kind ${kind} at ${at - ENTRY_HEADER_BYTES} of the block log`)
    }
  }
}
