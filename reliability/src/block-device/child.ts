// The process that writes the store on the disk that remembers, for one session: open, work, end.
//   node child.ts <store> <notes> <seed> <session> <batches> <ending>
// What it acknowledges goes to the notes at once, and so into the log of the disk, before anything else does.
import { openSync, writeSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, isTemporaryName, nodeEnvironment } from '@holdfast/environment'
import { isHoldfastError } from 'holdfast'
import { overriding } from '../kill/overriding.ts'
import type { KillGroup, KillState } from '../kill/workload.ts'
import type { Note } from './block-log.ts'
import { type BlockStore, groupsOf, modeOf, openStore } from './workload.ts'

/** How a session ends: by `close`, by SIGKILL in the middle of writing, or by just ending. */
export const ENDINGS = ['close', 'kill', 'leave'] as const
export type Ending = (typeof ENDINGS)[number]

/** What the parent hears. */
export type SessionReport =
  | { readonly type: 'opened'; readonly seq: number; readonly state: KillState }
  | { readonly type: 'ended'; readonly batches: number; readonly moves: number }
  | { readonly type: 'refused'; readonly refusal: SessionRefusal }

/** An error that the store gave. The session ends with it. */
export interface SessionRefusal {
  readonly doing: 'open' | 'execute' | 'close'
  /** `undefined`: not an error that the store's documentation knows. */
  readonly code: string | undefined
  readonly message: string
}

/** Every so many groups: several at a time, a pause in which the log is idle, a sync, a snapshot. */
const BURST_EVERY = 9
const BURST_GROUPS = 3
const IDLE_EVERY = 23
/** More than it takes for a mark. */
const IDLE_MS = 70
const SYNC_EVERY = 31
const SNAPSHOT_EVERY = 83

class Session {
  readonly #notes: number
  readonly #seed: number
  readonly #session: number
  #moves = 0

  constructor(notes: string, seed: number, session: number) {
    this.#notes = openSync(notes, 'r+')
    this.#seed = seed
    this.#session = session
  }

  async live(directory: string, batches: number, ending: Ending): Promise<void> {
    let doing: SessionRefusal['doing'] = 'open'
    try {
      const session = this.#session
      const store = await openStore(directory, session, this.#environment(), modeOf(session))
      this.#note({ type: 'durable', seq: store.durableSeq })
      await report({
        type: 'opened',
        seq: store.appliedSeq,
        state: structuredClone(store.state) as KillState,
      })
      store.events.on('moved', () => {
        this.#moves += 1
      })
      doing = 'execute'
      const inFlight = await this.#work(store, batches, ending === 'kill')
      await report({ type: 'ended', batches: store.stats().log.batches, moves: this.#moves })
      if (ending === 'kill') process.kill(process.pid, 'SIGKILL')
      await inFlight
      doing = 'close'
      if (ending === 'close') {
        await store.close()
        this.#note({ type: 'durable', seq: store.appliedSeq })
      }
    } catch (error) {
      const code = isHoldfastError(error) ? error.code : undefined
      await report({ type: 'refused', refusal: { doing, code, message: describe(error) } })
    }
    // Whatever is still open ends with it.
    process.exit(0)
  }

  /** Returns what is still under way, where the session is to end like that. */
  async #work(store: BlockStore, batches: number, leaveInFlight: boolean): Promise<Promise<unknown>> {
    let index = 0
    let pending: Promise<void>[] = []
    for (const group of groupsOf(this.#seed)) {
      if (group.firstSeq <= store.appliedSeq) continue
      index += 1
      pending.push(this.#handIn(store, group))
      if (store.stats().log.batches >= batches && (!leaveInFlight || pending.length >= BURST_GROUPS)) break
      if (index % BURST_EVERY < BURST_GROUPS && pending.length < BURST_GROUPS) continue
      await Promise.all(pending)
      pending = []
      if (index % IDLE_EVERY === 0) await sleep(IDLE_MS)
      if (index % SYNC_EVERY === 0) this.#note({ type: 'durable', seq: await store.sync() })
      if (index % SNAPSHOT_EVERY === 0) await store.snapshot()
    }
    return Promise.all(pending)
  }

  async #handIn(store: BlockStore, { firstSeq, commands, durability }: KillGroup): Promise<void> {
    const [first] = commands
    if (commands.length > 1 || first === undefined) {
      await store.executeAll(commands, { durability })
    } else {
      await store.execute(first[0], first[1] as never, { durability }).catch((error: unknown) => {
        // What the machine refused is in the log like anything else.
        if (isHoldfastError(error)) throw error
      })
    }
    this.#note({ type: durability === 'disk' ? 'durable' : 'written', seq: firstSeq + commands.length - 1 })
  }

  /** The real one, but for a note when batches that were written again are published. */
  #environment(): Environment {
    const { files } = nodeEnvironment
    const rename = async (from: string, to: string): Promise<void> => {
      const [, segmentId] = /-(\d{10})\.wal$/.exec(basename(to)) ?? []
      if (isTemporaryName(basename(from)) && segmentId !== undefined) {
        this.#note({ type: 'published', segmentId: Number(segmentId) })
      }
      await files.rename(from, to)
    }
    return { ...nodeEnvironment, files: overriding(files, { rename }) }
  }

  #note(note: Note): void {
    writeSync(this.#notes, JSON.stringify(note))
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const causes = [error.message]
  for (let { cause } = error; cause instanceof Error; { cause } = cause) causes.push(cause.message)
  return causes.join(' <- ')
}

/** Resolves once it is in the pipe: what comes next may be the end. */
function report(message: SessionReport): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve())
  })
}

if (import.meta.main) {
  const [directory, notes, seed, session, batches, ending] = process.argv.slice(2)
  if (directory === undefined || notes === undefined || ending === undefined) {
    throw new Error('child.ts <store> <notes> <seed> <session> <batches> <ending>')
  }
  // The harness is gone: nothing may be left that keeps its disk.
  process.once('disconnect', () => process.exit(1))
  await new Session(notes, Number(seed), Number(session)).live(directory, Number(batches), ending as Ending)
}
