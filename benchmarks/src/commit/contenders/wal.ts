// The log alone, with bytes: no commands, no state.
import { isHoldfastError } from '@holdfast/environment'
import { Wal } from '@holdfast/wal'
import type { CommitContender, CommitPlace } from '../contender.ts'

export async function open({ directory, bytes }: CommitPlace): Promise<CommitContender> {
  const wal = await Wal.open(directory)
  const record = new Uint8Array(bytes).fill(0x61)
  return {
    givenBytes: bytes,
    commit: () => wal.append(record),
    async relieve(error) {
      if (!isHoldfastError(error, 'OVERLOADED')) throw error
      await wal.ready()
    },
    close: () => wal.close(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const wal = await Wal.open(directory)
  const { first, last } = wal.range
  await wal.close()
  return last - first + 1
}
