import { constants, getPriority, setPriority } from 'node:os'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import type { Timers } from './environment.ts'
import { HoldfastError } from './errors.ts'
import { type PackedError, packError, unpackError } from './packed-error.ts'
import { watchedFiles } from './watched-files.ts'
import type { RunTask, Workers, WorkerOptions, WorkerTask } from './workers.ts'

/** What a thread is started with. */
interface ThreadData {
  readonly entry: string
  readonly module: string
  readonly job: unknown
}

/** What a thread says: a sign of life, or how it ended. */
type ThreadMessage = 'alive' | { readonly result: unknown } | { readonly error: PackedError }

/** Reads the same as a script and as a module, whichever the flags of the process make of it. */
const BOOTSTRAP = `
  import('node:worker_threads')
    .then(({ workerData }) => import(workerData.entry))
    .then(({ runThread }) => runThread())
`
/** What a thread hears when nobody wants what it does any more. */
const STOP = 'stop'
/** It has so long to come to its next call of the file system; then it is ended wherever it is. */
const STOP_MAX_MS = 2000
/** Signs of life are passed on so often at most. */
const ALIVE_EVERY_MS = 500
/**
 * So many looks in a row that find none: the first comes right behind a sign of life, it may be. More than one, since a
 * process that was stopped meanwhile looks before it hears what the thread has said.
 */
const SILENT_LOOKS = 3

/** Threads of Node.js (`node:worker_threads`). */
export class NodeWorkers implements Workers {
  load(module: URL): Promise<Readonly<Record<string, unknown>>> {
    return import(module.href) as Promise<Readonly<Record<string, unknown>>>
  }

  async run(task: WorkerTask, job: unknown, options: WorkerOptions): Promise<unknown> {
    const data: ThreadData = { entry: import.meta.url, module: task.module.href, job }
    const thread = new Worker(BOOTSTRAP, { eval: true, workerData: data, name: 'holdfast' })
    try {
      return await resultOf(thread, options)
    } finally {
      // Resolves once it has ended, with every call to the file system that was under way.
      await thread.terminate()
    }
  }
}

function resultOf(thread: Worker, { silentMs, signal }: WorkerOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(aborted(signal))
    let stopping: NodeJS.Timeout | undefined
    // A file that a thread is closing when it is ended stays open, where the call waits for its turn in the pool: that
    // forgets it.
    const abort = (): void => {
      thread.postMessage(STOP)
      stopping = setTimeout(giveUp, STOP_MAX_MS)
    }
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort)
    let looks = 0
    const silence = setInterval(
      () => {
        looks += 1
        if (looks === SILENT_LOOKS) reject(failed(`gave no sign of life for ${silentMs} ms`))
      },
      silentMs / (SILENT_LOOKS - 1),
    )
    thread.on('message', (message: ThreadMessage) => {
      looks = 0
      if (message === 'alive') return
      if (stopping !== undefined) giveUp()
      else if ('result' in message) resolve(message.result)
      else reject(unpackError(message.error))
    })
    thread.on('messageerror', (cause) => reject(failed('sent what cannot be read', cause)))
    thread.on('error', (cause: NodeJS.ErrnoException) => {
      const isMemory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
      reject(failed(isMemory ? 'ran out of memory' : 'broke off', cause))
    })
    thread.on('exit', (code) => {
      clearInterval(silence)
      clearTimeout(stopping)
      signal?.removeEventListener('abort', abort)
      if (stopping !== undefined) giveUp()
      else reject(failed(`ended without a result (exit code ${code})`))
    })
  })
}

function aborted(signal: AbortSignal | undefined): HoldfastError {
  return new HoldfastError('ABORTED', 'the worker thread was ended', { cause: signal?.reason })
}

function failed(how: string, cause?: unknown): HoldfastError {
  return new HoldfastError('WORKER_FAILED', `the worker thread ${how}`, { cause })
}

/**
 * What a thread does, once it has been started: runs the task and says what came of it.
 *
 * @public A thread imports it.
 */
export async function runThread(): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('this is no worker thread')
  const send = (message: ThreadMessage): void => port.postMessage(message)
  giveWay()
  try {
    const { module, job } = workerData as ThreadData
    const { nodeEnvironment: environment } = await import('./node-environment.ts')
    const { run } = (await import(module)) as { run: RunTask }
    let saidAt = environment.clock.monotonic()
    const alive = (): void => {
      const now = environment.clock.monotonic()
      if (now - saidAt < ALIVE_EVERY_MS) return
      saidAt = now
      send('alive')
    }
    let isStopped = false
    port.on('message', (message) => {
      isStopped ||= message === STOP
    })
    // It keeps no thread that has nothing to do.
    port.unref()
    const files = watchedFiles(environment.files, alive, () => isStopped)
    const timers: Timers = {
      ...environment.timers,
      turn: (then) =>
        environment.timers.turn(() => {
          alive()
          then()
        }),
    }
    send({ result: await run(job, { ...environment, files, timers }) })
  } catch (error) {
    send({ error: packError(error) })
  }
}

/**
 * The thread that everybody waits for goes first, where there is a core too few. Linux has a priority for each thread
 * (setpriority(2), "C library/kernel differences"); elsewhere it would be that of the process.
 */
function giveWay(): void {
  const { PRIORITY_BELOW_NORMAL } = constants.priority
  if (process.platform !== 'linux') return
  try {
    // Up again is for the privileged alone.
    if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL)
  } catch {
    // It goes as it is.
  }
}
