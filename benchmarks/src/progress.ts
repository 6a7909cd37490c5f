import type { Outcome, Part, Plan, Run } from './part.ts'
import type { RunListener } from './rounds.ts'

/** Where it is no terminal that can write over a line: one in so long. */
const LINE_EVERY_MS = 10_000

/** Says what is running and how long the rest will take. */
export class Progress implements RunListener {
  readonly #totalSeconds: number
  readonly #startedAt: number = performance.now()
  #doneSeconds = 0
  #saidAt = Number.NEGATIVE_INFINITY

  constructor(parts: readonly Part[], plan: Plan) {
    this.#totalSeconds = expectedSeconds(parts, plan)
  }

  begins({ name }: Run, of: string): void {
    const line = `${this.#left()} left · ${of}: ${name}`
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${line.slice(0, process.stderr.columns - 1)}\u001b[K`)
    } else if (performance.now() - this.#saidAt > LINE_EVERY_MS) {
      this.#saidAt = performance.now()
      process.stderr.write(`${line}\n`)
    }
  }

  ended({ name, seconds }: Run, outcome: Outcome): void {
    this.#doneSeconds += seconds
    if ('failed' in outcome) this.#tell(`FAILED ${name}: ${outcome.failed}`)
    if ('skipped' in outcome) this.#tell(`SKIPPED ${name}: ${outcome.skipped}`)
  }

  #tell(words: string): void {
    process.stderr.write(`${process.stderr.isTTY ? '\r\u001b[K' : ''}${words}\n`)
  }

  /** What is left by the plan, in the pace of what is done. */
  #left(): string {
    const passed = (performance.now() - this.#startedAt) / 1000
    const pace = this.#doneSeconds === 0 ? 1 : passed / this.#doneSeconds
    const seconds = Math.round((this.#totalSeconds - this.#doneSeconds) * pace)
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  }
}

/** By what each run is expected to take. */
export function expectedSeconds(parts: readonly Part[], plan: Plan): number {
  const cells = parts.flatMap((part) => part.cells(plan))
  const prepared = new Map(
    cells.flatMap(({ contenders }) =>
      contenders.flatMap(({ needs }) => (needs === undefined ? [] : [[needs.name, needs.seconds] as const])),
    ),
  )
  const rounds = cells.map(
    ({ rounds: count, contenders }) => count * sum(contenders.map(({ seconds }) => seconds)),
  )
  return sum([...prepared.values(), ...rounds])
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
