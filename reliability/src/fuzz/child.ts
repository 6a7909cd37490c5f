// Hands inputs over in a process of its own, which may hang, or run out of memory, or die.
//   node child.ts <orders as JSON>
import { writeSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import { isHoldfastError } from '@holdfast/environment'
import { Draw } from './draw.ts'
import { type ChildOrders, type ChildReport, type Leg, REPORT_EVERY_MS, REPORT_PIPE } from './leg.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from './target.ts'

/** Memory outside of the heap (buffers) at any time. Readers hold a window and a chunk or two, 1 MiB each; the rest is not collected yet. */
const EXTERNAL_MAX_BYTES = 192 * 1024 * 1024
/** All memory of the process, ever: its heap may have half of it, see `run.ts`. */
const RSS_MAX_BYTES = 640 * 1024 * 1024
/** Time and memory are looked at once in so many inputs. */
const LOOK_EVERY = 64

// What thousands of refusals a second would spend their time on.
Error.stackTraceLimit = 0

const orders = JSON.parse(process.argv[2] as string) as ChildOrders
const { TARGETS } = (await import(orders.targets)) as { TARGETS: readonly FuzzTarget[] }
const prepared = new Map<string, FuzzInputs>()
let counts: Record<string, number> = {}
let externalBytes = 0
let reportedAt = performance.now()

for (const [number, leg] of orders.legs.entries()) await run(number, leg)
report({ done: true, counts, figures: { rssBytes: rssBytes(), externalBytes } })

async function run(number: number, { target: name, first, count }: Leg): Promise<void> {
  const inputs = prepared.get(name) ?? (await prepare(name))
  const draw = new Draw(orders.seed, name)
  draw.listener = orders.each ? (said) => report({ said }) : undefined
  for (let index = first; index < first + count; index++) {
    if (orders.each || (index - first) % LOOK_EVERY === 0) look(number, index)
    draw.begin(index)
    const outcome = await outcomeOf(inputs, draw)
    if (outcome instanceof Error) await found(number, index, inputs, outcome)
    const key = `${name}: ${outcome instanceof Error ? 'violation' : outcome}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  look(number, first + count)
}

async function prepare(name: string): Promise<FuzzInputs> {
  const target = TARGETS.find((each) => each.name === name)
  if (target === undefined) throw new TypeError(`there is no target '${name}'`)
  const inputs = await target.prepare(orders.seed)
  prepared.set(name, inputs)
  return inputs
}

/** What became of an input, in a word; an error where that must not be. */
async function outcomeOf(inputs: FuzzInputs, draw: Draw): Promise<string | Error> {
  try {
    const outcome = inputs.run(draw)
    return typeof outcome === 'string' ? outcome : await outcome
  } catch (error) {
    if (isHoldfastError(error) && inputs.refusals.has(error.code)) return error.code
    return error instanceof Error ? error : new Error(`thrown: ${String(error)}`)
  }
}

/** Leaves out every mutation that it goes wrong without, and says what is left. */
async function found(leg: number, index: number, inputs: FuzzInputs, error: Error): Promise<void> {
  const { target } = orders.legs[leg] as Leg
  const draw = new Draw(orders.seed, target)
  draw.begin(index)
  let leftOut = 0
  for (let which = draw.mutations - 1; which >= 0; which--) {
    draw.begin(index, leftOut | (1 << which))
    const outcome = await outcomeOf(inputs, draw)
    if (outcome instanceof Error && kindOf(outcome) === kindOf(error)) leftOut |= 1 << which
  }
  const by: string[] = []
  draw.listener = (said) => by.push(said)
  draw.begin(index, leftOut)
  Error.stackTraceLimit = 20
  const shrunk = await outcomeOf(inputs, draw)
  Error.stackTraceLimit = 0
  const shown = shrunk instanceof Error ? shrunk : error
  const what = shown instanceof Broken ? shown.message : (shown.stack ?? String(shown))
  report({ found: what, leg, index, by })
}

/** The same mistake, whatever numbers are in it. */
function kindOf(error: Error): string {
  return `${error.name} ${error.message.replaceAll(/\d+/g, '#').slice(0, 80)}`
}

function look(leg: number, index: number): void {
  const { external_memory: external } = getHeapStatistics()
  externalBytes = Math.max(externalBytes, external)
  if (external > EXTERNAL_MAX_BYTES) tooMuch(`${external} bytes outside of the heap`)
  const now = performance.now()
  if (!orders.each && now - reportedAt < REPORT_EVERY_MS) return
  reportedAt = now
  const rss = rssBytes()
  if (rss > RSS_MAX_BYTES) tooMuch(`${rss} bytes in all`)
  report({ at: index, leg, counts })
  counts = {}
}

function tooMuch(memory: string): never {
  report({ memory })
  process.exit(1)
}

function rssBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

function report(what: ChildReport): void {
  writeSync(REPORT_PIPE, `${JSON.stringify(what)}\n`)
}
