// The parent's end: starts children, notices when one hangs, dies or takes too much, and says by which input.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import {
  type ChildFigures,
  type ChildOrders,
  type ChildReport,
  type Counts,
  type Leg,
  REPORT_PIPE,
} from './leg.ts'

/** A child that says nothing for so long hangs: a thousand times what it is said to take. */
const SILENCE_MAX_MS = 60_000
/** The heap of a child. It ends where it needs more, which is seen. */
const HEAP_MAX_MIB = 256
/** A run with so many violations has shown what it can. */
const VIOLATIONS_MAX = 25
/** So much of what a child that died has said is repeated. */
const STDERR_MAX_CHARS = 2000
/** Inputs behind the last one that a child named before it died: the one that it died of is among them. */
const SUSPECTS = 20_000

export interface FuzzRun {
  readonly seed: number
  readonly legs: readonly Leg[]
  /** The module that exports `TARGETS`. */
  readonly targets: string
  readonly silenceMaxMs?: number
}

export interface FuzzResult {
  readonly counts: Record<string, number>
  readonly figures: ChildFigures
  readonly violations: readonly string[]
}

/** Runs the legs to their ends, whatever happens on the way. */
export async function fuzz(run: FuzzRun, onCounts: (counts: Counts) => void = () => {}): Promise<FuzzResult> {
  const counts: Record<string, number> = {}
  const figures = { rssBytes: 0, externalBytes: 0 }
  const violations: string[] = []
  for (let legs = run.legs; legs.length > 0 && violations.length < VIOLATIONS_MAX; ) {
    const child = new FuzzChild(run, legs, false)
    for await (const report of child.reports()) {
      if ('found' in report) {
        const { found, leg, index, by } = report
        const { target } = legs[leg] as Leg
        violations.push([`${replay(run, target, index)}: ${found}`, ...by].join('\n    '))
        if (violations.length >= VIOLATIONS_MAX) child.kill()
      }
      if ('counts' in report) {
        for (const [key, count] of Object.entries(report.counts)) counts[key] = (counts[key] ?? 0) + count
        onCounts(counts)
      }
      if ('done' in report) {
        figures.rssBytes = Math.max(figures.rssBytes, report.figures.rssBytes)
        figures.externalBytes = Math.max(figures.externalBytes, report.figures.externalBytes)
      }
    }
    if (child.end === 'done' || violations.length >= VIOLATIONS_MAX) break
    const culprit = await culpritOf(run, legs, child)
    violations.push(culprit.violation)
    legs = behind(legs, child.leg, culprit.index)
  }
  return { counts, figures, violations }
}

/** What is left of the legs behind an input. */
function behind(legs: readonly Leg[], number: number, index: number): Leg[] {
  const leg = legs[number] as Leg
  const rest = { ...leg, first: index + 1, count: leg.first + leg.count - index - 1 }
  return [...(rest.count > 0 ? [rest] : []), ...legs.slice(number + 1)]
}

/** Hands the inputs over once more that came last before a child was lost, saying each, to learn which one it was. */
async function culpritOf(
  run: FuzzRun,
  legs: readonly Leg[],
  lost: FuzzChild,
): Promise<{ index: number; violation: string }> {
  const leg = legs[lost.leg] as Leg
  const count = Math.min(SUSPECTS, leg.first + leg.count - lost.at)
  const again = new FuzzChild(run, [{ ...leg, first: lost.at, count }], true)
  let said: string[] = []
  for await (const report of again.reports()) {
    if ('at' in report) said = []
    if ('said' in report) said.push(report.said)
  }
  if (again.end === 'done') {
    const what = `${lost.end}, at one of ${count} inputs, and not when they were handed over once more`
    return { index: lost.at + count - 1, violation: `${replay(run, leg.target, lost.at, count)}: ${what}` }
  }
  return {
    index: again.at,
    violation: [`${replay(run, leg.target, again.at)}: ${again.end}`, ...said].join('\n    '),
  }
}

function replay({ seed }: FuzzRun, target: string, first: number, inputs = 1): string {
  return `--target ${target} --seed ${seed} --first ${first} --inputs ${inputs}`
}

class FuzzChild {
  readonly #process: ChildProcess
  readonly #silenceMaxMs: number
  /** How it ended. */
  end = 'it ended before it was done'
  /** The input that it named last. */
  at: number
  leg = 0

  constructor(
    { seed, targets, silenceMaxMs = SILENCE_MAX_MS }: FuzzRun,
    legs: readonly Leg[],
    each: boolean,
  ) {
    const orders: ChildOrders = { seed, targets, legs, each }
    this.at = legs[0]?.first ?? 0
    this.#silenceMaxMs = silenceMaxMs
    this.#process = spawn(
      process.execPath,
      [
        '--conditions=@holdfast/source',
        `--max-old-space-size=${HEAP_MAX_MIB}`,
        join(import.meta.dirname, 'child.ts'),
        JSON.stringify(orders),
      ],
      { stdio: ['ignore', 'inherit', 'pipe', 'pipe'] },
    )
  }

  /** What it says, until it has ended. */
  async *reports(): AsyncGenerator<ChildReport, void, undefined> {
    const exited = once(this.#process, 'exit') as Promise<[number | null, string | null]>
    const stderr = text(this.#process.stderr as Readable)
    const pipe = this.#process.stdio[REPORT_PIPE] as Readable
    let silence = this.#watch()
    for await (const line of createInterface({ input: pipe })) {
      clearTimeout(silence)
      silence = this.#watch()
      const report = JSON.parse(line) as ChildReport
      if ('at' in report) ({ at: this.at, leg: this.leg } = report)
      if ('memory' in report) this.end = `it took ${report.memory}`
      if ('done' in report) this.end = 'done'
      yield report
    }
    const [code, signal] = await exited
    clearTimeout(silence)
    if (this.end.startsWith('it ended'))
      this.end = `it ended with ${signal ?? `code ${code}`} before it was done: ${await stderr}`
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #watch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.end = `it hangs: nothing for ${this.#silenceMaxMs} ms`
      this.kill()
    }, this.#silenceMaxMs)
  }
}

/** The end of what is said. */
async function text(stream: Readable): Promise<string> {
  let said = ''
  for await (const chunk of stream) said = (said + String(chunk)).slice(-STDERR_MAX_CHARS)
  return said.trim()
}
