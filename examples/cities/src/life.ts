// One life of the child, from its start to its death, as the parent sees it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Doing, Message } from './child.ts'
import type { Kill } from './kills.ts'
import type { Opened } from './opened.ts'

export interface Life {
  /** `undefined`: it was killed before it had opened the store. */
  readonly opened: Opened | undefined
  /** The last sequence whose acknowledgement was read before the child was gone. */
  readonly acknowledged: number
  /** While it worked; 0 if nothing was acknowledged. */
  readonly commandsPerSecond: number
  readonly killedWhile: Doing
}

/** A child that is not dead by then hangs. */
const LIFE_MAX_MS = 60_000

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** Starts the child and kills it as planned. Throws if it ends in any other way. */
export async function live(
  directory: string,
  seed: number,
  kill: Kill,
  onAcknowledged: (seq: number, doing: Doing) => void,
): Promise<Life> {
  const child = fork(CHILD, [directory, String(seed)])
  const work = new Stopwatch()
  let opened: Opened | undefined
  let acknowledged = 0
  let failure: string | undefined
  let doing: Doing = 'recovering'
  let doomed = false

  const doom = (): void => {
    if (!doomed) setTimeout(() => child.kill('SIGKILL'), kill.afterMs)
    doomed = true
  }
  child.on('message', (message: Message) => {
    switch (message.type) {
      case 'doing':
        doing = message.doing
        work.start()
        if (doing === 'idle' || (doing === kill.during && kill.atSeq === undefined)) doom()
        break
      case 'opened':
        opened = message
        break
      case 'acknowledged':
        acknowledged = message.seq
        work.lap()
        onAcknowledged(acknowledged, doing)
        if (kill.atSeq !== undefined && acknowledged >= kill.atSeq) doom()
        break
      case 'failed':
        failure = message.reason
        break
      default:
        message satisfies never
    }
  })
  const hanging = setTimeout(() => {
    failure = `it was not done after ${LIFE_MAX_MS} ms`
    child.kill('SIGKILL')
  }, LIFE_MAX_MS)

  // Both: what it said before it died is heard to the end.
  const heard = once(child, 'disconnect')
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  await heard
  clearTimeout(hanging)
  if (failure !== undefined) throw new Error(`the child failed: ${failure}`)
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself, with ${signal ?? code}`)
  const commands = Math.max(0, acknowledged - (opened?.seq ?? 0))
  const commandsPerSecond = commands === 0 ? 0 : commands / work.seconds
  return { opened, acknowledged, commandsPerSecond, killedWhile: doing }
}

/** Time from each start to the last lap behind it, in all. */
class Stopwatch {
  #startedAt = 0
  #earlierMs = 0
  #ms = 0

  start(): void {
    this.#earlierMs += this.#ms
    this.#ms = 0
    this.#startedAt = performance.now()
  }

  lap(): void {
    this.#ms = performance.now() - this.#startedAt
  }

  get seconds(): number {
    return (this.#earlierMs + this.#ms) / 1000
  }
}
