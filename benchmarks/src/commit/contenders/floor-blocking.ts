// The same floor, blocking: no thread pool, and nothing else happens meanwhile.
import { closeSync, writeSync } from 'node:fs'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { floorFile } from './floor.ts'

export function open(place: CommitPlace): Promise<CommitContender> {
  const { descriptor, batch, bytes, positionOf } = floorFile(place)
  return Promise.resolve({
    givenBytes: place.bytes,
    batch,
    async commit(index) {
      writeSync(descriptor, bytes, 0, bytes.length, positionOf(index))
    },
    async close() {
      closeSync(descriptor)
    },
  })
}
