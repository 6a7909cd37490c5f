import PQueue from 'p-queue'

/**
 * The one line in which everything that touches the state stands: replay first, then batches, snapshots
 * and whatever else must see the state between two batches. One task at a time, in the order they came.
 *
 * A task is a batch or something larger, never a record. Tasks get neither a timeout nor a signal:
 * in p-queue both would let the next task begin while this one still runs.
 */
export class WriteQueue {
  readonly #queue: PQueue = new PQueue({ concurrency: 1 })

  /** Runs it behind everything that is queued; rejects with what it throws, and goes on with the next. */
  run<T>(task: () => T | PromiseLike<T>): Promise<T> {
    return this.#queue.add(async () => task())
  }

  /** The same for a task that waits for nothing: done on return if nobody is before it. */
  runNow(task: () => void): void | Promise<void> {
    if (this.length > 0) return this.run(task)
    // Whatever it starts stands behind it.
    this.#queue.pause()
    try {
      task()
    } finally {
      this.#queue.start()
    }
  }

  /** Resolves once nothing is running or waiting. */
  idle(): Promise<void> {
    return this.#queue.onIdle()
  }

  /** Tasks that are running or waiting. */
  get length(): number {
    return this.#queue.size + this.#queue.pending
  }
}
