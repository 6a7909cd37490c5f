// The process under fault: it opens a store, uses it and closes it, session after session, goes on where it can
// after an error, and tells of everything that happens.
//   node child.ts <directory> <scenario | crash> [<call to shorten> <nth>]
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isHoldfastError } from '@holdfast/environment'
import { open, openReadOnly } from 'holdfast'
import { type KillOutcome, killMachine, refusedBy } from '../kill/workload.ts'
import { changesSince, filesNow, openDescriptors, openPaths, poolThread } from './looks.ts'
import {
  BEFORE_THE_CRASH,
  type Group,
  groupOf,
  largeGroupOf,
  type Scenario,
  SEGMENT_BYTES,
  SESSIONS,
  type Step,
  SYNC_INTERVAL_MS,
} from './script.ts'
import { shorten } from './shorten.ts'
import { toldError } from './told-error.ts'
import { TELLING_PIPE, type Told, type What } from './told.ts'

const [directory = '', scenario = '', shortened = '', nth = ''] = process.argv.slice(2)
/** Groups of the scenario that follows a crash, so that they are others than those before it. */
const GROUPS_BEFORE_THE_CRASH = 1000

const openStore = () =>
  open(directory, killMachine, {
    segmentBytes: SEGMENT_BYTES,
    syncIntervalMs: SYNC_INTERVAL_MS,
    snapshot: { keep: 2 },
  })
type OpenStore = Awaited<ReturnType<typeof openStore>>

let nextGroup = scenario === 'recover' ? GROUPS_BEFORE_THE_CRASH : 0

async function live(sessions: readonly (readonly Step[])[]): Promise<void> {
  for (const steps of sessions) {
    const store = (await tryToOpen()) ?? (await heal(), await tryToOpen())
    if (store === undefined) return
    await session(store, steps)
  }
  await mark('read-only')
  await attempt('read-only', async () => {
    const store = await openReadOnly(directory, killMachine)
    tellOpened('reader', store)
    await store.close()
  })
  tell({ type: 'descriptors', paths: openPaths(directory) })
}

async function tryToOpen(): Promise<OpenStore | undefined> {
  await mark('open')
  const before = filesNow(directory)
  const store = await attempt('open', openStore)
  if (store === undefined) {
    tell({ type: 'changed', files: changesSince(before, directory) })
    tell({ type: 'descriptors', paths: openPaths(directory) })
    return undefined
  }
  tellOpened('writer', store)
  for (const name of ['warning', 'snapshotFailed', 'failed'] as const) {
    store.events.on(name, (error: Error) => tell({ type: 'event', name, error: toldError(error) }))
  }
  store.events.on('moved', ({ error }) => tell({ type: 'event', name: 'moved', error: toldError(error) }))
  return store
}

function tellOpened(
  by: 'writer' | 'reader',
  { appliedSeq, state }: Pick<OpenStore, 'appliedSeq' | 'state'>,
): void {
  tell({ type: 'opened', by, seq: appliedSeq, found: { chain: state.chain, accepted: state.accepted } })
}

async function session(store: OpenStore, steps: readonly Step[]): Promise<void> {
  let refused = false
  for (const step of steps) {
    if (store.stats().failure !== undefined) break
    await mark(step.do)
    if (!(await take(store, step))) refused = true
  }
  if (refused && store.stats().failure === undefined) {
    await heal()
    await mark('healed')
    await take(store, { do: 'execute', groups: 1, at: 'one by one' })
  }
  await mark('close')
  await attempt('close', () => store.close())
  tell({ type: 'descriptors', paths: openPaths(directory) })
}

/** Whether nothing was refused. */
async function take(store: OpenStore, step: Step): Promise<boolean> {
  switch (step.do) {
    case 'execute': {
      const running: Promise<boolean>[] = []
      for (let i = 0; i < step.groups; i += 1) {
        const index = nextGroup++
        running.push(execute(store, index, groupOf(index)))
        if (step.at === 'one by one') await running.at(-1)
      }
      return (await Promise.all(running)).every(Boolean)
    }
    case 'large':
      return execute(store, nextGroup++, largeGroupOf(step.bytes), step.bytes)
    case 'idle':
      await sleep(step.ms)
      return true
    case 'sync':
      return (await attempt('sync', () => store.sync())) !== undefined
    case 'snapshot':
      return (await attempt('snapshot', () => store.snapshot())) !== undefined
    case 'changes':
      return (await attempt('changes', () => readChanges(store))) !== undefined
    case 'backup':
      return (await attempt('backup', () => store.backup(`${directory}-backup`))) !== undefined
    default:
      return step satisfies never
  }
}

/** All that is still in the log and durable, which is about the second half. */
async function readChanges(store: OpenStore): Promise<number> {
  const from = store.stats().log.firstSeq
  // It would wait for the first one.
  if (store.durableSeq < from) return from
  let expected = from
  for await (const { seq } of store.changes({ from })) {
    if (seq !== expected) throw new Error(`the change feed gave ${seq} where ${expected} belongs`)
    expected += 1
    if (seq === store.durableSeq) break
  }
  return expected
}

async function execute(
  store: OpenStore,
  group: number,
  { commands, durability }: Group,
  bytes?: number,
): Promise<boolean> {
  tell({ type: 'issued', group, ...(bytes === undefined ? {} : { bytes }) })
  const [first] = commands
  try {
    const settled =
      commands.length > 1 || first === undefined
        ? await store.executeAll(commands, { durability })
        : await Promise.allSettled([store.execute(first[0], first[1] as never, { durability })])
    const broken = settled.find((each) => each.status === 'rejected' && isHoldfastError(each.reason))
    if (broken?.status === 'rejected') throw broken.reason
    tell({ type: 'acknowledged', group, outcomes: settled.map(outcomeOf) })
    return true
  } catch (error) {
    tell({ type: 'rejected', group, error: toldError(error) })
    return false
  }
}

function outcomeOf(settled: PromiseSettledResult<unknown>): KillOutcome {
  return settled.status === 'fulfilled' ? { value: settled.value } : { refused: refusedBy(settled.reason) }
}

async function attempt<T>(what: What, run: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await run()
    tell({ type: 'done', what })
    return result
  } catch (error) {
    tell({ type: 'failed', what, error: toldError(error) })
    return undefined
  }
}

async function heal(): Promise<void> {
  tell({ type: 'heal' })
  await once(process, 'message')
  tell({ type: 'healed' })
}

/** Shows in the trace where the process has come to. */
async function mark(what: string): Promise<void> {
  await access(`/at/${what}`).catch(() => {})
}

function tell(told: Told): void {
  writeSync(TELLING_PIPE, `${JSON.stringify(told)}\n`)
}

if (import.meta.main) {
  const uncaught = (error: unknown): never => {
    tell({
      type: 'uncaught',
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
    process.exit(1)
  }
  process.on('uncaughtException', uncaught)
  process.on('unhandledRejection', uncaught)
  await mark('warm')
  tell({ type: 'ready', main: process.pid, pool: poolThread(), descriptors: openDescriptors() })
  await once(process, 'message')
  if (shortened === 'read' || shortened === 'write') shorten(shortened, Number(nth))
  if (scenario === 'crash') {
    const store = await openStore()
    for (const step of BEFORE_THE_CRASH) await take(store, step)
    process.kill(process.pid, 'SIGKILL')
  }
  await live(SESSIONS[scenario as Scenario])
  tell({ type: 'end' })
  // Whatever else there is must not keep the process alive.
  process.disconnect()
}
