import { getPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import type { Environment } from './environment.ts'
import { HoldfastError } from './errors.ts'

/** Tasks for threads, by name. */
const tasks: Record<string, (environment: Environment, directory: string) => unknown> = {
  answers: () => threadId,
  saysItsPriority: () => getPriority(),
  refuses() {
    throw new HoldfastError('CORRUPT', 'it is damaged', {
      path: '/somewhere',
      offset: 7,
      seq: 9,
      details: { reason: 'header' },
      cause: new HoldfastError('NO_SPACE', 'full', {
        cause: Object.assign(new Error('no'), { code: 'ENOSPC' }),
      }),
    })
  },
  throws() {
    throw new RangeError('by mistake')
  },
  throwsText() {
    // oxlint-disable-next-line typescript/only-throw-error -- what machines may do
    throw 'text'
  },
  leaves: () => process.exit(3),
  breaksOff: () =>
    new Promise(() => {
      setTimeout(() => {
        throw new TypeError('behind its back')
      }, 1)
    }),
  hangs() {
    for (;;);
  },
  /** As long as it takes for three silences, with a call now and then. */
  async isSlow({ files }, directory) {
    for (let i = 0; i < 8; i++) {
      await sleep(500)
      await files.list(directory)
    }
    return 'done'
  },
  /** Again and again, until it is told to stop. */
  async opens({ files }, directory) {
    for (;;) {
      const file = await files.open(`${directory}/opened`, 'read')
      await file.close()
    }
  },
  fills() {
    const all: unknown[] = []
    for (;;) all.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))
  },
  /** Answers, and would go on for ever. */
  lingers() {
    setInterval(() => {}, 1000)
    return 'left something running'
  },
  async useFiles({ files }, directory) {
    const file = await files.open(`${directory}/made-by-a-thread`, 'create')
    await file.write(Buffer.from('written'), 0)
    await file.writeThrough(Buffer.from('!'), 7)
    await file.truncate(9)
    await file.sync()
    const bytes = Buffer.alloc(16)
    const read = await file.read(bytes, 0)
    const size = await file.size()
    await file.close()
    await files.rename(`${directory}/made-by-a-thread`, `${directory}/renamed`)
    await files.makeDirectory(`${directory}/inside`)
    await files.syncDirectory(directory)
    const stat = await files.stat(`${directory}/renamed`)
    const names = (await files.list(directory)).sort()
    await files.unlink(`${directory}/renamed`)
    return { text: bytes.toString('latin1', 0, read), size, stat, names }
  },
  sendsWhatCannotBeSent: () => () => {},
}

export async function run(job: unknown, environment: Environment): Promise<unknown> {
  const { task, directory } = job as { task: string; directory: string }
  return await tasks[task]?.(environment, directory)
}

/** Started with little memory: says what becomes of a thread that fills it. */
if (process.argv[2] === 'fill') {
  const { nodeEnvironment: environment } = await import('./node-environment.ts')
  const task = { module: new URL(import.meta.url), run }
  const error = await environment.workers
    .run(task, { task: 'fills', directory: '' }, { silentMs: 60_000, environment })
    .catch((failure: unknown) => failure)
  process.stdout.write(`${String(error)}\n`)
}
