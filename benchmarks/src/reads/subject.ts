import { Wal } from '@holdfast/wal'
import { open } from 'holdfast'
import { noteMachine } from './machine.ts'

const RECORD_BYTES = 100

/** What is written to and read from at once. */
export interface ReadSubject {
  /** Resolves to the sequence. */
  readonly write: (index: number) => Promise<number>
  /** Writes so many as fast as can be, without waiting for the disk. */
  readonly fill: (count: number) => Promise<void>
  /** The sequences from the first on, and then those that come. */
  readonly follow: (signal: AbortSignal) => AsyncIterable<{ readonly seq: number }>
  readonly close: () => Promise<void>
}

export const READ_SUBJECTS = { log: openLog, store: openStore }

async function openLog(directory: string): Promise<ReadSubject> {
  const wal = await Wal.open(directory)
  const record = new Uint8Array(RECORD_BYTES).fill(0x61)
  return {
    write: () => wal.append(record),
    async fill(count) {
      const atOnce = Array.from({ length: FILL_AT_ONCE }, () => record)
      for (let left = count; left > 0; left -= FILL_AT_ONCE) {
        await wal.appendAll(atOnce.slice(0, left), { durability: 'os' })
      }
      await wal.sync()
    },
    follow: (signal) => wal.tail({ from: 1, signal }),
    close: () => wal.close(),
  }
}

/** As many as a busy log has in a frame. */
const FILL_AT_ONCE = 4096

async function openStore(directory: string): Promise<ReadSubject> {
  const store = await open(directory, noteMachine, { snapshot: { everyBytes: Infinity } })
  const text = 'a'.repeat(RECORD_BYTES - 40)
  return {
    write: (number) => store.execute('note', { text, number }),
    async fill(count) {
      const calls = Array.from({ length: count }, (_, number) => ['note', { text, number }] as const)
      await store.executeEach(calls, { durability: 'os' })
      await store.sync()
    },
    follow: (signal) => store.changes({ from: 1, signal }),
    close: () => store.close(),
  }
}
