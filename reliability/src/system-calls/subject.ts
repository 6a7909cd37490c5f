// The parent's end of a process under fault.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { TELLING_PIPE, type Told } from './told.ts'

/** A process that says nothing for so long hangs. A life is a second, and the machine may be busy. */
const SILENCE_MAX_MS = 60_000

export interface SubjectOptions {
  readonly directory: string
  readonly scenario: string
  /** A call that the process is to do in part, and which of them. */
  readonly shorten?: readonly ['read' | 'write', number] | undefined
  readonly compileCache: string
}

/** How a life ended. */
export interface Ending {
  readonly told: readonly Told[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly hung: boolean
}

export class Subject {
  readonly #process: ChildProcess
  readonly #told: Told[] = []
  readonly #ended: Promise<unknown>
  #hung = false
  #ready: (told: Extract<Told, { type: 'ready' }>) => void = () => {}
  #onHeal: () => Promise<void> = () => Promise.resolve()
  #silence: NodeJS.Timeout

  constructor({ directory, scenario, shorten = [] as never, compileCache }: SubjectOptions) {
    this.#process = fork(
      join(import.meta.dirname, 'child.ts'),
      [directory, scenario, ...shorten.map(String)],
      {
        execArgv: ['--conditions=@holdfast/source'],
        // One thread, so that calls come in an order that nearly always is the same.
        env: { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_COMPILE_CACHE: compileCache },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
      },
    )
    this.#silence = setTimeout(() => this.#hang(), SILENCE_MAX_MS)
    const lines = createInterface(this.#process.stdio[TELLING_PIPE] as Readable)
    lines.on('line', (line) => this.#hear(JSON.parse(line) as Told))
    this.#ended = Promise.all([once(this.#process, 'exit'), once(lines, 'close')])
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Resolves once it waits for its `go`. */
  ready(): Promise<Extract<Told, { type: 'ready' }>> {
    return new Promise((resolve, reject) => {
      this.#ready = resolve
      void this.#ended.then(() => reject(new Error('the process ended before it was ready')))
    })
  }

  /** It begins. `onHeal` ends the fault. */
  go(onHeal: () => Promise<void>): void {
    this.#onHeal = onHeal
    this.#send('go')
  }

  async end(): Promise<Ending> {
    await this.#ended
    clearTimeout(this.#silence)
    const { exitCode: code, signalCode: signal } = this.#process
    return { told: this.#told, code, signal, hung: this.#hung }
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #hear(told: Told): void {
    this.#silence.refresh()
    this.#told.push(told)
    if (told.type === 'ready') this.#ready(told)
    if (told.type === 'heal') void this.#onHeal().then(() => this.#send('healed'))
  }

  #send(message: string): void {
    // It may be dead already: then nobody needs it.
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  #hang(): void {
    this.#hung = true
    this.kill()
  }
}
