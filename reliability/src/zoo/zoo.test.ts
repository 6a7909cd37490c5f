import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Bug, Sentence } from './bug.ts'
import { BUGS } from './bugs.ts'
import { sourceOf, withBug } from './copy.ts'
import { columnsIn, columnsOf, zooPage } from './page.ts'
import { runWithoutBugs, runZoo, type Verdict } from './zoo.ts'

const PAGE = join(import.meta.dirname, '../../../docs/zoo.md')

/** One of most harnesses, and of each kind of mistake that has been made most often. For all: `npm run reliability -- zoo`. */
const SLICE: readonly string[] = [
  'a replaced file is not synced before its rename',
  'the directory is not synced after a segment was made',
  'a synced write counts for the plain writes before it',
  'a batch is acknowledged before it is written',
  'survivors are not written again',
  'whoever waits for a batch that does not fit is never told',
  'the state changes while its snapshot is written',
  'the checksum of a header is not checked',
  'a quota that is used up is not out of space',
]

describe('the zoo', () => {
  it('has bugs that fit the packages as they are, each with a name of its own', async () => {
    for (const bug of BUGS) expect(withBug(await sourceOf(bug), bug)).not.toBe(await sourceOf(bug))
    expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length)
    expect(BUGS.length).toBeGreaterThanOrEqual(40)
  })

  it('is what the page says', async () => {
    expect(columnsIn(await readFile(PAGE, 'utf8'))).toEqual(BUGS.map(columnsOf))
  })

  it('has a page that keeps the lines of bugs that were not planted, and has none of a bug that was not found', () => {
    const [first, second, third] = BUGS as [Bug, Bug, Bug]
    const verdict = (bug: Bug, violation: string | undefined, seeds: number): Verdict => {
      return { bug, violation, broken: undefined, seeds, states: 5, ms: 1 }
    }
    const all = [first, second, third]
    const before = zooPage(
      all,
      all.map((bug) => verdict(bug, 'found', 7)),
      '',
    )
    const after = zooPage(all, [verdict(first, 'found', 9), verdict(second, undefined, 9)], before)
    expect(columnsIn(before)).toEqual(all.map(columnsOf))
    expect(columnsIn(after)).toEqual([first, third].map(columnsOf))
    expect(after).toContain(' | 9 | 5 |')
    expect(after).toContain(' | 7 | 5 |')
    // Whatever a bug is said to be now, an old line says it no longer.
    expect(columnsIn(zooPage([{ ...first, rows: [99] }], [], before))).toEqual([])
  })

  it.each<Sentence>([
    { harness: 'simulated engine', seed: 1 },
    { harness: 'tests', file: 'packages/recovery/src/write-queue.test.ts' },
  ])(
    'runs the copy and nothing else: $harness',
    async (killedBy) => {
      const canary: Bug = {
        name: 'a canary',
        rows: [],
        file: 'packages/recovery/src/write-queue.ts',
        find: 'return this.#queue.add(async () => task())',
        replace: "throw new Error('the canary sings')",
        killedBy,
      }
      const [verdict] = await runZoo([canary], { seeds: 1, lanes: 1 })
      expect(verdict?.violation).toContain('the canary sings')
    },
    120_000,
  )

  it('says so when a bug survives, when it is stale, and when it cannot be loaded', async () => {
    const harmless: Bug = {
      name: 'none',
      rows: [],
      file: 'packages/recovery/src/write-queue.ts',
      find: 'concurrency: 1 })',
      replace: 'concurrency: 1, interval: 0 })',
      killedBy: { harness: 'tests', file: 'packages/recovery/src/write-queue.test.ts' },
    }
    const broken: Bug = { ...harmless, replace: 'concurrency: 1 }' }
    const verdicts = await runZoo([harmless, broken], { seeds: 1, lanes: 1 })
    expect(verdicts).toMatchObject([
      { violation: undefined, broken: undefined },
      { violation: undefined, broken: expect.stringContaining('could not be loaded') as string },
    ])
    await expect(runZoo([{ ...harmless, find: 'no such text' }], { seeds: 1, lanes: 1 })).rejects.toThrow(
      'stale',
    )
  }, 120_000)

  it('is found by the harnesses that are named, which report nothing without a bug', async () => {
    const slice = BUGS.filter(({ name }) => SLICE.includes(name))
    expect(slice.length).toBe(SLICE.length)
    const verdicts = await runZoo(slice, { seeds: 10, lanes: 2 })
    expect(await runWithoutBugs(verdicts, { lanes: 2 })).toEqual([])
    const survivors = verdicts.filter(({ violation }) => violation === undefined)
    expect(survivors.map(({ bug, broken }) => [bug.name, broken])).toEqual([])
  }, 300_000)
})
