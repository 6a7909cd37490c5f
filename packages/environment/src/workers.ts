import type { Environment } from './environment.ts'

/** Work beside the thread that asks for it. */
export interface Workers {
  /** Imports a module into this thread. */
  load(module: URL): Promise<Readonly<Record<string, unknown>>>
  /**
   * Runs a task in a thread of its own, and resolves to what it resolved to; job and result are copied (structured
   * clone). The thread has ended when this is settled: nothing that it began goes on.
   *
   * Rejects with what the task threw, and with `WORKER_FAILED` where the thread ended without a result: it ran out of
   * memory, left, could not be started, or gave no sign of life for `silentMs`.
   */
  run(task: WorkerTask, job: unknown, options: WorkerOptions): Promise<unknown>
}

/** Something that a thread can run. */
export interface WorkerTask {
  /** The module whose export `run` it is: a thread imports it. */
  readonly module: URL
  readonly run: RunTask
}

/** The environment is that of the thread. */
export type RunTask = (job: unknown, environment: Environment) => Promise<unknown>

export interface WorkerOptions {
  /**
   * A sign of life is a call of the file system that has come back, or a turn of the event loop that was asked for. A
   * thread that gives none for so many milliseconds is taken for hung, and ended.
   */
  readonly silentMs: number
  /** Ends the thread, wherever it is: then `run` rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Of whoever asks: workers that are no threads run the task in it. A thread has its own. */
  readonly environment: Environment
}
