// What a torn tail looks like on a disk: evidence for or against telling it from damage by sectors of zeros.
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FRAME_HEADER_BYTES, frameBytes } from '@holdfast/framing'
import type { BlockStore } from './workload.ts'
import { SECTOR_BYTES } from './survivals.ts'

/** A batch above this extends the file by its own write; below, it goes into space that is zeros and synced. */
const PREALLOCATE_BATCH_MAX_BYTES = 128 * 1024

export interface TornTail {
  readonly path: string
  readonly offset: number
  readonly reason: string
  /** Where the invalid frame stands: in space that was taken ahead; in a file that it extended; or in the file of survivors. */
  readonly where: 'preallocated' | 'extended' | 'survivors'
  /** What of it the rule looks at: the frame where its header is sound, the header alone where it is not. */
  readonly header: 'sound' | 'broken'
  /** The file ends inside of it. */
  readonly cutOff: boolean
  /** Its part of some sector is all zeros: that one may never have reached the disk. */
  readonly zeroPart: boolean
}

/** The first frame that is not valid, where opening took it and what is behind it for a torn tail. */
export async function tornTailOf(
  directory: string,
  { report: { log } }: Pick<BlockStore, 'report'>,
  published: ReadonlySet<number>,
): Promise<TornTail | undefined> {
  const { tail } = log
  if (tail === undefined) return undefined
  const id = idOf(basename(tail.path))
  const bytes = await readSegment(directory, id)
  const { offset, reason } = tail
  const sound = reason === 'payload-checksum' || (reason === 'truncated' && bytes.length - offset >= 16)
  const frameEnd = sound ? offset + frameBytes(bytes.readUInt32LE(offset + 4)) : offset + FRAME_HEADER_BYTES
  const extended = frameEnd - offset > PREALLOCATE_BATCH_MAX_BYTES
  return {
    path: tail.path,
    offset,
    reason,
    where: published.has(id) ? 'survivors' : extended ? 'extended' : 'preallocated',
    header: sound ? 'sound' : 'broken',
    cutOff: frameEnd > bytes.length,
    zeroPart: hasZeroPart(bytes, offset, Math.min(frameEnd, bytes.length)),
  }
}

/** Whether the part of some sector from `start` to `end` is all zeros. */
export function hasZeroPart(bytes: Uint8Array, start: number, end: number): boolean {
  for (let from = start; from < end; ) {
    const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES)
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return true
    from = to
  }
  return false
}

/** Opening may have given the file its own name meanwhile. */
async function readSegment(directory: string, id: number): Promise<Buffer> {
  const names = await readdir(join(directory, 'wal'))
  const name = names.find((each) => each.endsWith('.wal') && idOf(each) === id)
  if (name === undefined) throw new Error(`the torn segment ${id} is gone`)
  return readFile(join(directory, 'wal', name))
}

function idOf(name: string): number {
  return Number(/-(\d{10})\.wal$/.exec(name)?.[1])
}
