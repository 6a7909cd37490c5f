// The process whose file system is stopped under it. It opens the store, works on it until it is told to close
// it or until it fails, and begins again when it is told to.
//   node child.ts <directory> <seed>
// It reports over IPC. What is acknowledged as being on disk goes through a pipe at once, as the sequence that it reaches.
import { flushCompileCache } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { openDescriptors } from '@holdfast/testing/environment'
import { type HoldfastError, isHoldfastError, type SnapshotMode } from 'holdfast'
import { Load, SNAPSHOT_EVERY_GROUPS, SYNC_EVERY_GROUPS } from '../kill/load.ts'
import { overriding } from '../kill/overriding.ts'
import { tell } from '../kill/pipe.ts'
import { type Found, found, type KillStore, openKillStore, PLAIN } from '../kill/store.ts'
import * as toParent from '../kill/to-parent.ts'
import type { KillState } from '../kill/workload.ts'

/** What the parent hears. */
export type ShutdownReport =
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly seq: number; readonly state: KillState; readonly found: Found }
  | { readonly type: 'closing' }
  | { readonly type: 'closed'; readonly seq: number }
  /** Nothing of the store is open any more. The codes of all errors on the way. */
  | { readonly type: 'stopped'; readonly during: 'opening' | 'working' | 'closing'; readonly codes: string[] }
  /** Not as it must be. */
  | { readonly type: 'failed'; readonly reason: string }

/** What the parent says to what was opened, closed or stopped. */
export interface ShutdownGo {
  /** Close the store in good order after so many groups. Absent: go on. */
  readonly closeAfterGroups?: number
}

/** What comes through the pipe beside acknowledgements, just before it is done. */
export const MOMENTS = {
  'a large write': 0,
  'a new segment': -1,
  'a snapshot': -2,
  'a manifest': -3,
  'a removal': -4,
}
export type Moment = keyof typeof MOMENTS

/** Larger than what is written otherwise, and no larger: a loop device has to take it all. */
const LARGE_WRITE_BYTES = 1024 * 1024
export const LARGE_MAX_BYTES = 3 * 1024 * 1024

/** How snapshots are taken, life by life. */
const MODES: readonly SnapshotMode[] = ['worker', 'captured', 'blocking']

/** By then a log has met a failure that is there to stay. */
const NOTICED_WITHIN_GROUPS = 1000

const { files } = nodeEnvironment

/** The real thing, except that it says what it is about to do. */
const environment: Environment = {
  ...nodeEnvironment,
  files: overriding(files, {
    open: async (path, mode) => {
      if (mode === 'create' && path.includes('/wal/')) tell(MOMENTS['a new segment'])
      if (mode === 'create' && path.includes('/snapshots/')) tell(MOMENTS['a snapshot'])
      const file = await files.open(path, mode)
      const announce = (bytes: Uint8Array): void => {
        if (bytes.length > LARGE_WRITE_BYTES) tell(MOMENTS['a large write'])
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
    rename: (from, to) => {
      if (to.endsWith('/MANIFEST')) tell(MOMENTS['a manifest'])
      return files.rename(from, to)
    },
    unlink: (path) => {
      tell(MOMENTS['a removal'])
      return files.unlink(path)
    },
  }),
}

class Life {
  readonly #directory: string
  readonly #seed: number
  #lives: number
  #codes: string[] = []

  constructor(directory: string, seed: number) {
    this.#directory = directory
    this.#seed = seed
    // The first of each process is another one.
    this.#lives = process.pid
  }

  /** From one opening until the store is closed, or nothing goes any more. */
  async once(): Promise<void> {
    this.#codes = []
    report({ type: 'opening' })
    let store: KillStore
    try {
      const mode = MODES[this.#lives++ % MODES.length] ?? 'worker'
      store = await openKillStore(this.#directory, environment, undefined, { ...PLAIN, mode })
    } catch (error) {
      this.#typed(error)
      await this.#stopped('opening')
      return
    }
    const seq = store.appliedSeq
    const state = structuredClone(store.state) as KillState
    const { closeAfterGroups } = await answerTo({ type: 'opened', seq, state, found: found(store) })
    const load = this.#load(store)
    const done = await this.#work(store, load, closeAfterGroups ?? Number.POSITIVE_INFINITY)
    if (done) report({ type: 'closing' })
    const closed = await this.#close(store)
    await nextTurn()
    if (load.underWay > 0) throw new Error(`${load.underWay} calls were never answered`)
    for (const error of load.errors) this.#typed(error)
    if (done && closed) await answerTo({ type: 'closed', seq: store.appliedSeq })
    else await this.#stopped(done ? 'closing' : 'working')
  }

  #load(store: KillStore): Load {
    return new Load(store, {
      seed: this.#seed,
      largeMaxBytes: LARGE_MAX_BYTES,
      acknowledged: ({ firstSeq, commands, durability }) => {
        if (durability === 'disk') tell(firstSeq + commands.length - 1)
      },
    })
  }

  /** Whether it got to the end. */
  async #work(store: KillStore, load: Load, groups: number): Promise<boolean> {
    try {
      for (let index = 1; index <= groups; index += 1) {
        await load.handIn()
        if (index % SNAPSHOT_EVERY_GROUPS === 0) tell((await store.snapshot()).seq)
        if (index % SYNC_EVERY_GROUPS === 0) tell(await store.sync())
      }
      await load.check()
      return true
    } catch (error) {
      this.#typed(error)
    }
    await this.#stillWorking(load)
    await this.#failedForGood(store)
    return false
  }

  /** A snapshot may fail before the log has noticed anything. */
  async #stillWorking(load: Load): Promise<void> {
    try {
      for (let left = NOTICED_WITHIN_GROUPS; left > 0; left -= 1) await load.handIn()
    } catch (error) {
      this.#typed(error)
    }
  }

  /** What a store that has failed does: it takes nothing more, says so at once, and can be read. */
  async #failedForGood(store: KillStore): Promise<void> {
    const seq = store.appliedSeq
    const { failure } = store.stats()
    if (failure === undefined) throw new Error('a command was refused, and the store has not failed')
    const error = await store.execute('remove', 'any').then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!isHoldfastError(error, 'FAILED') || error.outcome !== 'not-written') {
      throw new Error(`a store that has failed gave ${String(error)}`, { cause: error })
    }
    if (store.appliedSeq !== seq) throw new Error('a store that has failed went on')
  }

  async #close(store: KillStore): Promise<boolean> {
    try {
      await store.close()
      return true
    } catch (error) {
      this.#typed(error)
      return false
    }
  }

  async #stopped(during: 'opening' | 'working' | 'closing'): Promise<void> {
    const open = await openDescriptors(this.#directory)
    if (open !== undefined && open.length > 0) throw new Error(`still open: ${open.join(', ')}`)
    await answerTo({ type: 'stopped', during, codes: [...new Set(this.#codes)] })
  }

  #typed(error: unknown): void {
    if (!isHoldfastError(error)) throw error
    this.#codes.push(codeOf(error))
  }
}

function codeOf({ code, outcome }: HoldfastError): string {
  return outcome === undefined ? code : `${code} ${outcome}`
}

function report(message: ShutdownReport): void {
  toParent.report(message)
}

function answerTo(message: ShutdownReport): Promise<ShutdownGo> {
  return toParent.answerTo<ShutdownGo>(message)
}

if (import.meta.main) {
  const [directory, seed] = process.argv.slice(2)
  if (directory === undefined || seed === undefined) throw new Error('child.ts <directory> <seed>')
  process.once('uncaughtException', toParent.failed)
  // Nobody is left to work for, and the file system is to be unmounted.
  process.once('disconnect', () => process.exit())
  flushCompileCache()
  const life = new Life(directory, Number(seed))
  for (;;) await life.once()
}
