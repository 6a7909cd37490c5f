// The process that is killed. It opens the store, goes on where the store ends, and never stops by itself.
//   node child.ts <directory> <seed> <round>
// It reports over IPC. Each acknowledgement goes through a pipe at once, as the sequence that it reaches.
import { flushCompileCache } from 'node:module'
import { type Environment, isHoldfastError, nodeEnvironment } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { SNAPSHOT_MODES } from '@holdfast/testing/exploration'
import { PinnedRange } from '../simulation/pinned-range.ts'
import { Load, SNAPSHOT_EVERY_GROUPS, SYNC_EVERY_GROUPS } from './load.ts'
import { overriding } from './overriding.ts'
import { tell } from './pipe.ts'
import { type Found, found, type KillSnapshots, type KillStore, openKillStore } from './store.ts'
import * as toParent from './to-parent.ts'
import type { KillState } from './workload.ts'

/** What the parent hears. */
export type KillReport =
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly seq: number; readonly state: KillState; readonly found: Found }
  | { readonly type: 'closing' }
  | { readonly type: 'closed'; readonly seq: number }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'counted'; readonly what: keyof KillCounts }

/** What happens in a process that is killed, beside what is acknowledged. */
export interface KillCounts {
  /** Snapshots that were published, by the way in which they were taken. */
  blocking: number
  captured: number
  worker: number
  /** Those of them that were compressed, and that were compared with a replay. */
  compressed: number
  compared: number
  /** Threads that came to their end because they were to be killed. Any other end but a result breaks a promise. */
  threadsKilled: number
  pinsDropped: number
}

/** What the parent says once it has looked at what was opened or closed. */
export interface KillGo {
  /** Close the store in good order after so many groups. Absent: go on until killed. */
  readonly closeAfterGroups?: number
}

/** From here on a kill can cut a write in two: Linux 6.18 with ext4 does so at multiples of 2 MiB, and nowhere else. */
const LARGE_WRITE_BYTES = 2 * 1024 * 1024

/** A thread that is killed is so within this time: snapshots of the small state take about as long. */
const THREAD_KILL_MAX_MS = 400
/** The thread lives on, one time in so many; others may be done before. */
const THREAD_SPARED_ONE_IN = 2
/** It is killed as soon as it is there, one time in so many: a fast machine would be done with all of them otherwise. */
const THREAD_KILLED_EARLY_ONE_IN = 4

/** One store in so many compares its snapshots with a replay, compresses them, has a follower with a pin. */
const COMPARED_ONE_IN = 2
const COMPRESSED_ONE_IN = 2
const PINNED_ONE_IN = 2
/** A pin that is dropped before long, and one that keeps some of what would go. */
const PIN_MAX_BYTES = [64 * 1024, 32 * 1024 * 1024]

/** The real thing, except that it says when it begins with a large write, and that threads are killed at random. */
const environmentWith = (random: SeededRandom): Environment => ({
  ...nodeEnvironment,
  workers: overriding(nodeEnvironment.workers, {
    async run(task, job, options) {
      const isSpared = random.below(THREAD_SPARED_ONE_IN) === 0
      const isEarly = random.below(THREAD_KILLED_EARLY_ONE_IN) === 0
      const killedAfterMs = isEarly ? 1 : 1 + random.below(THREAD_KILL_MAX_MS)
      // It is taken for silent, and ended wherever it is.
      const silentMs = isSpared ? options.silentMs : killedAfterMs
      try {
        return await nodeEnvironment.workers.run(task, job, { ...options, silentMs })
      } catch (error) {
        if (isHoldfastError(error, 'WORKER_FAILED')) {
          const isKill = !isSpared && error.message.includes('no sign of life')
          if (isKill) count('threadsKilled')
          else toParent.failed(error)
        }
        throw error
      }
    },
  }),
  files: overriding(nodeEnvironment.files, {
    open: async (path, mode) => {
      const file = await nodeEnvironment.files.open(path, mode)
      const announce = (bytes: Uint8Array): void => {
        if (bytes.length > LARGE_WRITE_BYTES) tell(0)
      }
      return overriding(file, {
        write: (bytes, position) => {
          announce(bytes)
          return file.write(bytes, position)
        },
        writeThrough: (bytes, position) => {
          announce(bytes)
          return file.writeThrough(bytes, position)
        },
      })
    },
  }),
})

const follow = (store: KillStore, maxBytes: number) => new PinnedRange(store, maxBytes)
type Follower = ReturnType<typeof follow>

async function live(directory: string, seed: number, round: number): Promise<never> {
  for (let opening = 0; ; opening += 1) {
    // Its own numbers for each: how many threads there were before hangs on the machine.
    const random = new SeededRandom(Math.imul(seed, 0x9e3779b9) ^ Math.imul(round, 0x85ebca6b) ^ opening)
    report({ type: 'opening' })
    const snapshots = drawSnapshots(random)
    const isPinned = random.below(PINNED_ONE_IN) === 0
    const pinMaxBytes = PIN_MAX_BYTES[random.below(PIN_MAX_BYTES.length)] as number
    const store = await openKillStore(directory, environmentWith(random), undefined, snapshots)
    const follower = isPinned ? follow(store, pinMaxBytes) : undefined
    watch(store, snapshots)
    const seq = store.appliedSeq
    const state = structuredClone(store.state) as KillState
    const { closeAfterGroups } = await answerTo({ type: 'opened', seq, state, found: found(store) })
    await work(store, seed, closeAfterGroups ?? Number.POSITIVE_INFINITY, follower)
    await follower?.check()
    report({ type: 'closing' })
    await store.close()
    await answerTo({ type: 'closed', seq: store.appliedSeq })
  }
}

function drawSnapshots(random: SeededRandom): KillSnapshots {
  return {
    mode: SNAPSHOT_MODES[random.below(SNAPSHOT_MODES.length)] ?? 'worker',
    compression: random.below(COMPRESSED_ONE_IN) === 0 ? 'zstd' : 'none',
    verifySnapshots: random.below(COMPARED_ONE_IN) === 0 ? 'replay' : 'read',
  }
}

/** Tells what happens. Nothing here fails but by the kill, and that of a thread. */
function watch({ events }: KillStore, { compression, verifySnapshots }: KillSnapshots): void {
  events.on('snapshot', ({ mode }) => {
    count(mode)
    if (compression === 'zstd') count('compressed')
    if (verifySnapshots === 'replay') count('compared')
  })
  events.on('pinDropped', () => count('pinsDropped'))
  events.on('snapshotFailed', (error) => {
    if (error.code !== 'WORKER_FAILED') toParent.failed(error)
  })
  for (const event of ['warning', 'moved', 'failed'] as const) {
    events.once(event, (what: Error | { error: Error }) =>
      toParent.failed(what instanceof Error ? what : what.error),
    )
  }
}

async function work(
  store: KillStore,
  seed: number,
  groups: number,
  follower: Follower | undefined,
): Promise<void> {
  const load = new Load(store, {
    seed,
    acknowledged: ({ firstSeq, commands }) => tell(firstSeq + commands.length - 1),
  })
  for (let index = 1; index <= groups; index += 1) {
    await load.handIn()
    if (index % SNAPSHOT_EVERY_GROUPS === 0) {
      follower?.renew()
      await store.snapshot().catch(acceptKill)
      await follower?.check()
    }
    if (index % SYNC_EVERY_GROUPS === 0) await store.sync()
  }
  await load.check()
}

/** That of the thread. */
function acceptKill(error: unknown): void {
  if (!isHoldfastError(error, 'WORKER_FAILED')) throw error
}

function count(what: keyof KillCounts): void {
  report({ type: 'counted', what })
}

function report(message: KillReport): void {
  toParent.report(message)
}

function answerTo(message: KillReport): Promise<KillGo> {
  return toParent.answerTo<KillGo>(message)
}

if (import.meta.main) {
  const [directory, seed, round] = process.argv.slice(2)
  if (directory === undefined || seed === undefined || round === undefined)
    throw new Error('child.ts <directory> <seed> <round>')
  process.once('uncaughtException', toParent.failed)
  // At its end it won't be able to.
  flushCompileCache()
  void live(directory, Number(seed), Number(round))
}
