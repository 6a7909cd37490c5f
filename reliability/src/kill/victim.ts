// The parent's end of a process that is killed: what it reported, and what it acknowledged.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { ACKNOWLEDGEMENT_BYTES, ACKNOWLEDGEMENT_PIPE } from './pipe.ts'

/** A process that says nothing for so long hangs, even where others have the machine to themselves. */
const SILENCE_MAX_MS = 120_000

/** It reports `Report`s, and is answered with `Go`s. */
export class Victim<Report, Go extends object> {
  readonly #process: ChildProcess
  readonly #reports: Report[] = []
  readonly #ended: Promise<unknown>
  #wake: () => void = () => {}
  #silence: NodeJS.Timeout | undefined
  #over = false
  #killed = false
  #acknowledged = 0
  #awaited: (said: number) => boolean = () => false
  #act: () => void = () => {}

  /** `compiled` is a directory for what compiling the program gave. */
  constructor(program: string, args: readonly string[], compiled: string) {
    this.#process = fork(program, args, {
      serialization: 'advanced',
      execArgv: ['--conditions=@holdfast/source'],
      // Most of a short life would go into compiling the same files again.
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    })
    const pipe = this.#process.stdio[ACKNOWLEDGEMENT_PIPE] as Readable
    this.#read(pipe)
    this.#process.on('message', (report) => this.#tell(report as Report))
    // All that it said before it died is heard: both channels are read to their ends.
    this.#ended = Promise.all([
      once(this.#process, 'exit'),
      once(this.#process, 'disconnect'),
      once(pipe, 'close'),
    ])
    void this.#ended.then(() => {
      this.#over = true
      this.#wake()
    })
  }

  /** The sequence that the last acknowledgement reached; 0 before the first. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** What was acknowledged may be gone: counts anew. */
  forgetAcknowledged(): void {
    this.#acknowledged = 0
  }

  get killed(): boolean {
    return this.#killed
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** What it reports, until it has ended. */
  async *reports(): AsyncGenerator<Report, void, undefined> {
    for (let report = await this.next(); report !== undefined; report = await this.next()) yield report
  }

  /** The next of its reports; `undefined` once it has ended. */
  async next(): Promise<Report | undefined> {
    for (;;) {
      const report = this.#reports.shift()
      if (report !== undefined || this.#over) return report
      await this.#somethingNew()
    }
  }

  answer(go: Go): void {
    // It may be dead already: then nobody needs the answer.
    if (this.#process.connected) this.#process.send(go, () => {})
  }

  kill(): void {
    this.#killed = true
    this.#process.kill('SIGKILL')
  }

  killAfter(ms: number): void {
    if (ms >= 1) setTimeout(() => this.kill(), ms)
    else {
      for (const until = performance.now() + ms; performance.now() < until; );
      this.kill()
    }
  }

  /** Some time after an acknowledgement has reached that sequence. */
  killAtAcknowledged(seq: number, afterMs: number): void {
    this.once(
      (said) => said >= seq,
      () => this.killAfter(afterMs),
    )
  }

  /** So soon after the next large write has begun that it may be under way. */
  killWhileWriting(afterMs: number): void {
    this.once(
      (said) => said === 0,
      () => this.killAfter(afterMs),
    )
  }

  /** Acts as soon as that comes through the pipe. Takes the place of what was awaited before. */
  once(awaited: (said: number) => boolean, act: () => void): void {
    this.#awaited = awaited
    this.#act = act
  }

  /** For when something went wrong: it must not live on. */
  async end(): Promise<void> {
    this.kill()
    await this.#ended
  }

  #read(pipe: Readable): void {
    let rest: Buffer = Buffer.alloc(0)
    pipe.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes])
      const whole = rest.length - (rest.length % ACKNOWLEDGEMENT_BYTES)
      for (let at = 0; at < whole; at += ACKNOWLEDGEMENT_BYTES) this.#hear(rest.readDoubleLE(at))
      rest = rest.subarray(whole)
    })
  }

  #hear(said: number): void {
    this.#silence?.refresh()
    this.#acknowledged = Math.max(this.#acknowledged, said)
    if (!this.#awaited(said)) return
    this.#awaited = () => false
    this.#act()
  }

  #tell(report: Report): void {
    this.#reports.push(report)
    this.#wake()
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#silence = setTimeout(() => reject(new Error(`silence for ${SILENCE_MAX_MS} ms`)), SILENCE_MAX_MS)
      this.#wake = () => {
        clearTimeout(this.#silence)
        this.#silence = undefined
        resolve()
      }
    })
  }
}
