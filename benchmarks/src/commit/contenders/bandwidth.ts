// How many synced bytes a second the disk takes from one writer that does nothing else, in the best of some ways.
import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { preallocate } from './floor.ts'

const MIB = 1024 * 1024
const FILE_BYTES = 256 * MIB
/** What each way is given to show what it does. */
const TRIAL_MS = 150

interface Way {
  readonly writeBytes: number
  readonly writeThrough: boolean
}

const WAYS: readonly Way[] = [1, 4, 16].flatMap((mib) =>
  [true, false].map((writeThrough) => ({ writeBytes: mib * MIB, writeThrough })),
)

export async function open({ directory, bytes }: CommitPlace): Promise<CommitContender> {
  const path = join(directory, 'bandwidth')
  preallocate(path, FILE_BYTES)
  const best = WAYS.map((way) => ({ way, speed: speedOf(way, path) })).reduce((a, b) =>
    b.speed > a.speed ? b : a,
  )
  const file = openFor(best.way, path)
  return {
    givenBytes: bytes,
    batch: best.way.writeBytes / bytes,
    async commit(index) {
      file.write(index)
    },
    async close() {
      file.close()
    },
  }
}

interface WrittenFile {
  write(index: number): void
  close(): void
}

function openFor({ writeBytes, writeThrough }: Way, path: string): WrittenFile {
  const descriptor = openSync(
    path,
    writeThrough ? constants.O_WRONLY | constants.O_DSYNC : constants.O_WRONLY,
  )
  const bytes = new Uint8Array(writeBytes).fill(0x61)
  const slots = FILE_BYTES / writeBytes
  return {
    write(index) {
      writeSync(descriptor, bytes, 0, writeBytes, (index % slots) * writeBytes)
      if (!writeThrough) fdatasyncSync(descriptor)
    },
    close: () => closeSync(descriptor),
  }
}

function speedOf(way: Way, path: string): number {
  const file = openFor(way, path)
  const started = performance.now()
  let writes = 0
  while (performance.now() - started < TRIAL_MS) file.write(writes++)
  file.close()
  return (writes * way.writeBytes) / (performance.now() - started)
}
