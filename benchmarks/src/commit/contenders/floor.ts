// What any log on this disk costs at least: one write at a time of what is in flight, into space that is there
// already, through a descriptor that syncs what it writes.
import { closeSync, constants, fsyncSync, openSync, write, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { CommitContender, CommitPlace } from '../contender.ts'

const MIB = 1024 * 1024
/** It is written round and round. */
const FILE_BYTES = 64 * MIB
/** A larger write is bound by bandwidth, which is measured by itself. */
const WRITE_MAX_BYTES = MIB
const FILLED = 0x61

/** Through the thread pool. */
export function open(place: CommitPlace): Promise<CommitContender> {
  const { descriptor, batch, bytes, positionOf } = floorFile(place)
  return Promise.resolve({
    givenBytes: place.bytes,
    batch,
    commit: (index) =>
      new Promise<void>((resolve, reject) => {
        write(descriptor, bytes, 0, bytes.length, positionOf(index), (error, written) => {
          if (error === null && written === bytes.length) resolve()
          else reject(error ?? new Error(`${written} of ${bytes.length} bytes written`))
        })
      }),
    async close() {
      closeSync(descriptor)
    },
  })
}

interface FloorFile {
  readonly descriptor: number
  /** Commands in one write: all that are in flight, up to a bound. */
  readonly batch: number
  readonly bytes: Uint8Array
  readonly positionOf: (index: number) => number
}

export function floorFile({ directory, bytes, inFlight }: CommitPlace): FloorFile {
  const path = join(directory, 'floor')
  const batch = Math.max(1, Math.min(inFlight, Math.floor(WRITE_MAX_BYTES / bytes)))
  const length = batch * bytes
  const slots = Math.floor(FILE_BYTES / length)
  preallocate(path, FILE_BYTES)
  return {
    descriptor: openSync(path, constants.O_WRONLY | constants.O_DSYNC),
    batch,
    bytes: new Uint8Array(length).fill(FILLED),
    positionOf: (index) => (index % slots) * length,
  }
}

/** Zeros, synced: later writes change nothing but the bytes. */
export function preallocate(path: string, bytes: number): void {
  const descriptor = openSync(path, 'w')
  const zeros = new Uint8Array(MIB)
  for (let at = 0; at < bytes; at += MIB) writeSync(descriptor, zeros, 0, MIB, at)
  fsyncSync(descriptor)
  closeSync(descriptor)
}
