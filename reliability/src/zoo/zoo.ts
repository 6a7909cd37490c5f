// Plants bugs, one at a time, and lets the harness that should find it loose on each.
import type { Bug, Sentence } from './bug.ts'
import { Copy } from './copy.ts'
import { hunt, type Hunt, NOTHING } from './hunt.ts'

/** What came of one bug. */
export interface Verdict extends Hunt {
  readonly bug: Bug
  /** The harness could not do its work: the rewrite is broken, or it hangs. */
  readonly broken: string | undefined
  readonly ms: number
}

export interface ZooOptions {
  /** Seeds that a harness tries, from the one that is known to find the bug. */
  readonly seeds: number
  /** Begins there instead. */
  readonly firstSeed?: number
  readonly lanes: number
  readonly onVerdict?: (verdict: Verdict) => void
}

/** Each of these bugs, planted by itself. */
export async function runZoo(bugs: readonly Bug[], options: ZooOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  await inLanes(bugs, options.lanes, async (copy, bug) => {
    const started = performance.now()
    const sentence = beginningAt(bug.killedBy, options.firstSeed)
    let hunted = NOTHING
    let broken: string | undefined
    await copy.plant(bug)
    try {
      hunted = await hunt(copy.path, sentence, options.seeds)
    } catch (error) {
      broken = (error as Error).message
    } finally {
      await copy.heal()
    }
    const verdict = { bug, ...hunted, broken, ms: performance.now() - started }
    verdicts.push(verdict)
    options.onVerdict?.(verdict)
  })
  return bugs.map((bug) => verdicts.find((verdict) => verdict.bug === bug) as Verdict)
}

/** The same harnesses with the same seeds on packages without a bug: what they report there, which should be nothing. */
export async function runWithoutBugs(
  verdicts: readonly Verdict[],
  { firstSeed, lanes }: Pick<ZooOptions, 'firstSeed' | 'lanes'>,
): Promise<string[]> {
  const trials = new Map<string, { sentence: Sentence; seeds: number }>()
  for (const { bug, seeds } of verdicts) {
    const sentence = beginningAt(bug.killedBy, firstSeed)
    const name = JSON.stringify(sentence)
    trials.set(name, { sentence, seeds: Math.max(1, seeds, trials.get(name)?.seeds ?? 0) })
  }
  const violations: string[] = []
  await inLanes([...trials], lanes, async (copy, [name, { sentence, seeds }]) => {
    const { violation } = await hunt(copy.path, sentence, seeds)
    if (violation !== undefined) violations.push(`${name} reports without a bug: ${violation}`)
  })
  return violations
}

function beginningAt(sentence: Sentence, seed: number | undefined): Sentence {
  return sentence.harness === 'tests' || seed === undefined ? sentence : { ...sentence, seed }
}

/** Several at a time, each lane with a copy of its own. */
async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (copy: Copy, item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  await Promise.all(
    Array.from({ length: Math.min(lanes, items.length) }, async () => {
      const copy = await Copy.make()
      try {
        for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(copy, item)
      } finally {
        await copy.remove()
      }
    }),
  )
}
