// The process that is killed. It opens the store, goes on where the store ends, and never stops by itself.
//   node child.ts <directory> <seed>
// It reports over IPC. Each acknowledgement goes through a pipe at once, as the sequence that it reaches.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { open } from 'holdfast'
import { type KillGroup, type KillState, groupsAfter, killMachine, refusedBy, step } from './workload.ts'

/** What the parent hears. */
export type KillReport =
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly seq: number; readonly state: KillState; readonly found: Found }
  | { readonly type: 'closing' }
  | { readonly type: 'closed'; readonly seq: number }
  | { readonly type: 'failed'; readonly reason: string }

/** What opening found behind the last proven point. */
export interface Found {
  readonly survivors: number
  readonly tornBytes: number
  readonly snapshotSeq: number
}

/** What the parent says once it has looked at what was opened or closed. */
export interface KillGo {
  /** Close the store in good order after so many groups. Absent: go on until killed. */
  readonly closeAfterGroups?: number
}

/**
 * Where acknowledgements go: little-endian 64-bit floats, so that no kill leaves half of one. In between,
 * zero says that a large write begins.
 */
export const ACKNOWLEDGEMENT_PIPE = 4
export const ACKNOWLEDGEMENT_BYTES = 8

const SNAPSHOT_EVERY_RECORDS = 400
export const SNAPSHOTS_KEPT = 2
const SEGMENT_BYTES = 64 * 1024

const IN_FLIGHT_MAX_GROUPS = 24
/** Some commands ask for more than they need. */
const SNAPSHOT_EVERY_GROUPS = 151
const SYNC_EVERY_GROUPS = 47

/** From here on a kill can cut a write in two: Linux 6.18 with ext4 does so at multiples of 2 MiB, and nowhere else. */
const LARGE_WRITE_BYTES = 2 * 1024 * 1024

/** The real thing, except that it says when it begins with a large write. */
const environment: Environment = {
  ...nodeEnvironment,
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
}

/** An object with some of its methods replaced. */
function overriding<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (_, name) => {
      const value: unknown = Reflect.get(name in methods ? methods : object, name)
      return typeof value === 'function' ? (value.bind(object) as unknown) : value
    },
  })
}

const openStore = (directory: string) =>
  open(directory, killMachine, {
    environment,
    segmentBytes: SEGMENT_BYTES,
    syncIntervalMs: 5,
    maxQueuedBytes: 24 * 1024 * 1024,
    snapshot: { everyRecords: SNAPSHOT_EVERY_RECORDS, keep: SNAPSHOTS_KEPT },
  })

type KillStore = Awaited<ReturnType<typeof openStore>>

async function live(directory: string, seed: number): Promise<never> {
  for (;;) {
    report({ type: 'opening' })
    const store = await openStore(directory)
    const state: KillState = structuredClone(store.state)
    const seq = store.appliedSeq
    const { closeAfterGroups } = await answerTo({ type: 'opened', seq, state, found: found(store) })
    await work(store, state, seed, closeAfterGroups ?? Number.POSITIVE_INFINITY)
    report({ type: 'closing' })
    await store.close()
    await answerTo({ type: 'closed', seq: store.appliedSeq })
  }
}

/** Hands in groups, some at a time, and holds every outcome against what the machine alone gives. */
async function work(store: KillStore, model: KillState, seed: number, groups: number): Promise<void> {
  const inFlight: Promise<void>[] = []
  const drawn = groupsAfter(seed, store.appliedSeq)
  let earlier = Promise.resolve()
  for (let index = 1; index <= groups; index += 1) {
    const group = drawn.next().value
    await store.ready()
    const outcomes = handIn(store, group)
    // In the order of their sequences, whichever promise happens to be told first.
    earlier = earlier.then(async () => acknowledged(group, await outcomes, model))
    inFlight.push(earlier)
    if (index % SNAPSHOT_EVERY_GROUPS === 0) await store.snapshot()
    if (index % SYNC_EVERY_GROUPS === 0) await store.sync()
    if (inFlight.length >= IN_FLIGHT_MAX_GROUPS) await inFlight.shift()
  }
  await earlier
  if (!isDeepStrictEqual(timeless(store.state), timeless(model))) {
    throw new Error(`the live state at ${store.appliedSeq} is not what its commands make`)
  }
}

async function handIn(
  store: KillStore,
  { commands, durability }: KillGroup,
): Promise<PromiseSettledResult<unknown>[]> {
  const [first] = commands
  if (commands.length > 1 || first === undefined) return store.executeAll(commands, { durability })
  return Promise.allSettled([store.execute(first[0], first[1] as never, { durability })])
}

function acknowledged(
  group: KillGroup,
  outcomes: readonly PromiseSettledResult<unknown>[],
  model: KillState,
): void {
  const lastSeq = group.firstSeq + group.commands.length - 1
  tell(lastSeq)
  for (const [index, command] of group.commands.entries()) {
    const expected = step(model, command, group.firstSeq + index, model.time)
    const outcome = outcomes[index]
    const got =
      outcome?.status === 'fulfilled' ? { value: outcome.value } : { refused: refusedBy(outcome?.reason) }
    if (!isDeepStrictEqual(got, expected)) {
      throw new Error(
        `command ${group.firstSeq + index} gave ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`,
      )
    }
  }
}

function tell(number: number): void {
  const bytes = Buffer.alloc(ACKNOWLEDGEMENT_BYTES)
  bytes.writeDoubleLE(number)
  writeSync(ACKNOWLEDGEMENT_PIPE, bytes)
}

/** The state without what depends on when it was made. */
export function timeless(state: KillState): KillState {
  return { ...state, time: 0 }
}

function found({ report: { snapshot, log } }: KillStore): Found {
  return {
    survivors: log.survivors === undefined ? 0 : log.survivors.lastSeq - log.survivors.firstSeq + 1,
    tornBytes: log.tail?.bytes ?? 0,
    snapshotSeq: snapshot?.seq ?? 0,
  }
}

function report(message: KillReport): void {
  process.send?.(message)
}

async function answerTo(message: KillReport): Promise<KillGo> {
  report(message)
  const [go] = (await once(process, 'message')) as [KillGo]
  return go
}

function failed(error: unknown): void {
  report({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exitCode = 1
  process.disconnect()
}

if (import.meta.main) {
  const [directory, seed] = process.argv.slice(2)
  if (directory === undefined || seed === undefined) throw new Error('child.ts <directory> <seed>')
  process.once('uncaughtException', failed)
  // At its end it won't be able to.
  flushCompileCache()
  void live(directory, Number(seed))
}
