// What the process under fault works through. The commands of a group follow from its number alone.
import type { Durability } from '@holdfast/wal'
import type { KillCommand } from '../kill/workload.ts'

/** Commands that are handed in together: by `executeAll` when there are several, by `execute` when there is one. */
export interface Group {
  readonly commands: readonly KillCommand[]
  readonly durability: Durability
}

/** How a process spends its life: one session of an open store after another, each in the same directory. */
export type Scenario = 'create' | 'recover'
export const SCENARIOS: readonly Scenario[] = ['create', 'recover']

export type Step =
  /** Groups one after the other, or all of them at once. */
  | { readonly do: 'execute'; readonly groups: number; readonly at: 'once' | 'one by one' }
  | { readonly do: 'large'; readonly bytes: number }
  | { readonly do: 'sync' | 'snapshot' | 'changes' | 'backup' }
  /** So long that what is unsynced is synced and the log is marked. */
  | { readonly do: 'idle'; readonly ms: number }

/** Small, so that a few dozen groups are several rotations. */
export const SEGMENT_BYTES = 4096
export const SYNC_INTERVAL_MS = 10
const IDLE_MS = 110

/** Zeros are taken ahead of a batch of this size; one larger than 128 KiB extends the file by its own write. */
const EXTENDS_AHEAD_BYTES = 20_000
const EXTENDS_ITSELF_BYTES = 140_000

const oneByOne = (groups: number): Step => ({ do: 'execute', groups, at: 'one by one' })
const atOnce = (groups: number): Step => ({ do: 'execute', groups, at: 'once' })
const snapshot: Step = { do: 'snapshot' }

/** Each begins by opening the store, and ends by closing it. */
export const SESSIONS: Readonly<Record<Scenario, readonly (readonly Step[])[]>> = {
  create: [
    [
      oneByOne(7),
      { do: 'sync' },
      snapshot,
      atOnce(6),
      { do: 'large', bytes: EXTENDS_AHEAD_BYTES },
      { do: 'large', bytes: EXTENDS_ITSELF_BYTES },
      snapshot,
      oneByOne(8),
      { do: 'idle', ms: IDLE_MS },
      atOnce(5),
      // Two are kept: this one makes the first one go, and the log behind it.
      snapshot,
      { do: 'changes' },
      oneByOne(3),
      { do: 'backup' },
      oneByOne(2),
    ],
    [oneByOne(3), snapshot],
  ],
  recover: [[oneByOne(4), atOnce(4), snapshot], [oneByOne(2)]],
}

/** What the process does that leaves a crashed store behind for `recover`: it dies behind the last of it, unsynced. */
export const BEFORE_THE_CRASH: readonly Step[] = [
  oneByOne(9),
  snapshot,
  oneByOne(9),
  snapshot,
  { do: 'idle', ms: IDLE_MS },
  atOnce(7),
]

const KEYS = 7

/** Every kind of command, of sizes that fill a segment after a few groups, at both levels. */
export function groupOf(index: number): Group {
  const key = `key ${index % KEYS}`
  const durability = index % 3 === 1 ? 'os' : 'disk'
  const put = (value: unknown): KillCommand => ['put', { key, value }]
  if (index % 5 === 4) {
    const several: KillCommand[] = [
      put(index),
      ['remove', key],
      ['remove', key],
      ['stumble', key],
      put([index]),
    ]
    return { commands: several, durability }
  }
  return { commands: [put({ index, text: 'x'.repeat((index * 331) % 1500) })], durability }
}

export function largeGroupOf(bytes: number): Group {
  return {
    commands: [['weigh', { key: 'large', bytes: new Uint8Array(bytes).fill(bytes) }]],
    durability: 'disk',
  }
}
