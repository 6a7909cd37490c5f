// Loads the cities of the world into a store, in a process that is killed again and again, and checks that
// everything that was acknowledged is there.
//   node src/main.ts [--seed <number>] [--data <directory>]
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { open, openAt } from 'holdfast'
import { answerQuestions, answerQuestionsOfThePast } from './answers.ts'
import { differences, differencesInLog, expectedAfter } from './check.ts'
import { drawKills, type Kill } from './kills.ts'
import { live } from './life.ts'
import cities from './machine.ts'
import { openedBy } from './opened.ts'
import { Random } from './random.ts'
import { count, LEGEND, lostBy, Progress, type Start, tableOfStarts, verdict } from './report.ts'
import { commandsOf, type Workload, workload } from './workload.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, data: { type: 'string' } } })
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
const directory = values.data
  ? join(values.data, 'cities')
  : fileURLToPath(new URL('../data', import.meta.url))

const startedAt = performance.now()
try {
  const { problems, acknowledged, kills } = await demo()
  console.log(verdict(problems, acknowledged, kills))
  if (problems.length > 0) process.exitCode = 1
} catch (error) {
  console.error('The check could not be made.', error)
  process.exitCode = 1
}
console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} s in all`)

/** `problems`: what is not as it must be, in words. */
async function demo(): Promise<{ problems: string[]; acknowledged: number; kills: number }> {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError('--seed is a whole number')
  rmSync(directory, { recursive: true, force: true })
  const work = workload(seed)
  const kills = drawKills(work, new Random(seed))
  console.log(
    `${count(work.load.length)} cities and ${count(work.lastSeq - work.load.length)} changes to them, ` +
      `by a process that is killed ${kills.length} times (--seed ${seed})`,
  )
  const { starts, acknowledged } = await liveAndDie(work, kills)
  return { problems: await conclude(work, starts, acknowledged), acknowledged, kills: kills.length }
}

async function liveAndDie(
  { lastSeq }: Workload,
  kills: readonly Kill[],
): Promise<{ starts: Start[]; acknowledged: number }> {
  const progress = new Progress(lastSeq)
  const starts: Start[] = []
  let acknowledged = 0
  for (const kill of kills) {
    const life = await live(directory, seed, kill, (seq, doing) => progress.show(seq, doing))
    const end = life.killedWhile === 'idle' ? 'killed when all was done' : `killed while ${life.killedWhile}`
    starts.push({ ...life, acknowledgedBefore: acknowledged, end })
    acknowledged = Math.max(acknowledged, life.acknowledged)
    progress.say(`Start ${starts.length}: ${end}, ${count(acknowledged)} commands acknowledged so far`)
  }
  return { starts, acknowledged }
}

/** The last start is in this process, which looks at what is there. */
async function conclude(work: Workload, earlier: readonly Start[], acknowledged: number): Promise<string[]> {
  const store = await open(directory, cities)
  try {
    const last: Start = {
      opened: openedBy(store),
      acknowledgedBefore: acknowledged,
      commandsPerSecond: 0,
      end: 'checked, closed',
    }
    const starts = [...earlier, last]
    console.log(`\n${tableOfStarts(starts)}\n\n${LEGEND}\n`)

    const commands = commandsOf(work)
    const expected = expectedAfter(commands)
    const problems = starts
      .filter((start) => lostBy(start) > 0)
      .map((start) => `LOST: ${lostBy(start)} commands up to ${start.acknowledgedBefore}`)
    if (acknowledged !== work.lastSeq)
      problems.push(`${acknowledged} of ${work.lastSeq} commands were acknowledged`)
    problems.push(...differences(store.state, expected))
    problems.push(...(await differencesInLog(store.changes({ from: 1 }), commands, expected)))
    if (problems.length > 0) return problems
    console.log(
      `Compared: ${count(expected.cities.size)} cities field by field, ${count(commands.length)} commands in the log ` +
        `one by one, ${count(expected.refused.size)} of them mistakes that were refused.\n`,
    )
    answerQuestions(store.state)
    await store.close()
    const past = await openAt(directory, cities, { seq: work.load.length })
    answerQuestionsOfThePast(past.state, store.state)
    await past.close()
    console.log()
    return problems
  } finally {
    await store.close()
  }
}
