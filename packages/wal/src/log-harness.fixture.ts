import { setImmediate } from 'node:timers/promises'
import { bytesCodec } from '@holdfast/codec'
import type { Environment, HoldfastError } from '@holdfast/environment'
import { FaultyFileSystem, memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import type { CommitConsumer, Durability, Log } from './log.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogOptions } from './log-options.ts'
import type { LogPlan } from './plan.ts'
import { StoreDirectory } from './store-directory.ts'

interface Waiter {
  resolve(seq: number): void
  reject(error: HoldfastError): void
}

type OpenLog = Awaited<ReturnType<LogDirectory<Uint8Array, Waiter>['open']>>

/** A log with everything that it tells its consumer written down. */
export interface Harness {
  readonly log: OpenLog
  readonly directory: StoreDirectory
  readonly plan: LogPlan
  readonly events: string[]
  readonly moves: { from: string; to: string; error: HoldfastError }[]
  readonly failures: HoldfastError[]
  readonly warnings: HoldfastError[]
  append(text: string, durability?: Durability): Promise<number>
  appendAll(texts: readonly string[], durability?: Durability): Promise<number[]>
  /** The log's close, then the directory's. */
  close(): Promise<void>
}

export const STORE = '/store'

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Each environment draws other numbers: names of temporary files must not meet those that a crash left. */
let seeds = 1000

/** In memory, with faults. */
export function faultyMemory(files: MemoryFileSystem = new MemoryFileSystem()): Environment & {
  readonly files: FaultyFileSystem
  readonly memory: MemoryFileSystem
  readonly clock: ReturnType<typeof memoryEnvironment>['clock']
} {
  const environment = memoryEnvironment(files, seeds++)
  return { ...environment, files: new FaultyFileSystem(files), memory: files }
}

export async function openHarness(
  environment: Environment,
  options: LogOptions = {},
  path: string = STORE,
  extra: Partial<CommitConsumer<Uint8Array, Waiter>> = {},
): Promise<Harness> {
  const directory = await StoreDirectory.openForWriting(path, environment)
  try {
    const store = new LogDirectory<Uint8Array, Waiter>(directory, bytesCodec, options)
    const scan = store.scan({ after: directory.manifest.trimmedThrough })
    for await (const _ of scan) {
      // The plan is complete once it has ended.
    }
    const events: string[] = []
    const moves: Harness['moves'] = []
    const failures: HoldfastError[] = []
    const warnings: HoldfastError[] = []
    const consumer: CommitConsumer<Uint8Array, Waiter> = {
      committed(batch) {
        events.push(`committed ${batch.firstSeq}-${batch.lastSeq}`)
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
      },
      rejected(waiters, error) {
        events.push(`rejected ${waiters.length} ${error.code}`)
        for (const waiter of waiters) waiter.reject(error)
      },
      durable: (seq) => void events.push(`durable ${seq}`),
      moved: (move) => void moves.push(move),
      failed: (error) => void failures.push(error),
      warned: (error) => void warnings.push(error),
      ...extra,
    }
    const log = await store.open(scan.plan, consumer)
    return {
      log,
      directory,
      plan: scan.plan,
      events,
      moves,
      failures,
      warnings,
      append: (text, durability = 'disk') => {
        const { promise, ...waiter } = deferred<number>()
        promise.catch(() => {})
        try {
          log.submit(encode(text), durability, waiter)
        } catch (error) {
          waiter.reject(error as HoldfastError)
        }
        return promise
      },
      appendAll: async (texts, durability = 'disk') => {
        const waiters = texts.map(() => deferred<number>())
        log.submitAll(texts.map(encode), durability, waiters)
        return Promise.all(waiters.map(({ promise }) => promise))
      },
      close: async () => {
        try {
          await log.close()
        } finally {
          await directory.close()
        }
      },
    }
  } catch (error) {
    await directory.close()
    throw error
  }
}

/** What can be read, as `seq:text`. */
export async function readAll(
  log: Pick<Log<Uint8Array, never>, 'batches' | 'firstSeq'>,
  after?: number,
): Promise<string[]> {
  const out: string[] = []
  for await (const batch of log.batches({ after: after ?? log.firstSeq - 1 })) {
    bytesCodec
      .decode(batch.records, batch.count)
      .forEach((value, i) => out.push(`${batch.firstSeq + i}:${decode(value)}`))
  }
  return out
}

/** What a store holds, opened on a copy of its files, as after a crash of the process. */
export async function recovered(
  memory: MemoryFileSystem,
  options: LogOptions = {},
): Promise<{ records: string[]; plan: LogPlan; files: MemoryFileSystem }> {
  const files = MemoryFileSystem.of(memory.snapshot())
  const harness = await openHarness(memoryEnvironment(files, seeds++), options)
  const records = await readAll(harness.log)
  await harness.close()
  return { records, plan: harness.plan, files }
}

/** The files below the store without its lock, for comparing before and after. */
export function filesOf(memory: MemoryFileSystem): Map<string, Buffer> {
  const files = memory.snapshot()
  files.delete(`${STORE}/LOCK`)
  return files
}

export const segmentsOf = (memory: MemoryFileSystem): string[] =>
  [...memory.snapshot().keys()].filter((path) => path.includes('/wal/')).sort()

/** So many numbered texts of so many bytes. */
export const text = (i: number, bytes = 8): string => `${i} `.padEnd(bytes, 'x')

/** Lets the loop that writes, and what is in the background, go on for some turns. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

/** The code of a `HoldfastError`, the name of any other error, `undefined` for what is none. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return (error as Partial<HoldfastError>).code ?? error.name
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** A promise with its ends in hand. */
export function deferred<T = void>(): Deferred<T> {
  let ends: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject }
  })
  return { promise, ...(ends as Pick<Deferred<T>, 'resolve' | 'reject'>) }
}
