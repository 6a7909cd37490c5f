import { type Bug, nameOf } from './bug.ts'
import type { Verdict } from './zoo.ts'

const HEAD = `# The bug zoo

A harness that finds nothing has shown little until it has been shown something. Each line below is a bug that
was planted in a copy of the packages, by itself, and what found it. Without a bug the same harnesses, with the
same seeds, report nothing. Rows are those of the fault table in [reliability.md](reliability.md), \`I1\` to
\`I10\` the invariants there.

- \`simulated log\`, \`simulated engine\`: a seed is one short workload of the [simulation](../reliability/README.md),
  killed and cut off the power at every operation. \`failing log\`, \`failing engine\`: the same on a disk that
  fails, comes out short and runs full.
- \`damage …\`: a seed is one store, after a clean close or stopped at some moments, and each so many-th bit and
  length of it, files lost and mixed up; its states are damaged stores.
- \`fuzzed …\`: a seed is 3,000 hostile inputs of one kind; its states are inputs.
- A file: a contract suite, or the tests beside the source.

Seeds are counted from 1 on, states from the first one.

\`npm run reliability -- zoo\` plants all of them again; with \`--seed 1 --table docs/zoo.md\` it searches from the
first seed, and writes this page: no line of it is written by hand, and none is of a bug that was not found. With
\`--only\` it renews the lines of the bugs that it planted.

`

/**
 * The whole of docs/zoo.md: a line for each of `bugs` that a run has found. Those that this run did not plant keep
 * the line that they had in `before`, if it still says the same of them.
 */
export function zooPage(bugs: readonly Bug[], verdicts: readonly Verdict[], before: string): string {
  const known = new Map(linesIn(before).map((each) => [JSON.stringify(columnsOfLine(each)), each]))
  const rows = bugs.flatMap((bug) => {
    const verdict = verdicts.find((each) => each.bug === bug)
    if (verdict === undefined) return known.get(JSON.stringify(columnsOf(bug))) ?? []
    const { violation, seeds, states } = verdict
    if (violation === undefined) return []
    return line([...columnsOf(bug), seeds === 0 ? '' : seeds, states === 0 ? '' : states])
  })
  return [
    HEAD + line(['bug', 'fault rows', 'found by', 'seeds', 'states']),
    line(['---', '---', '---', '---:', '---:']),
    ...rows,
    '',
  ].join('\n')
}

/** What the table says of a bug, whatever a run came to. */
export function columnsOf({ name, rows, file, killedBy }: Bug): string[] {
  const [, folder] = file.split('/')
  return [`${folder}: ${name}`, rows.join(', '), nameOf(killedBy)]
}

/** The same columns of each line of the page. */
export function columnsIn(page: string): string[][] {
  return linesIn(page).map(columnsOfLine)
}

/** The lines of the table, without its head. */
function linesIn(page: string): string[] {
  return page
    .split('\n')
    .filter((each) => each.startsWith('| '))
    .slice(2)
}

function columnsOfLine(text: string): string[] {
  const [name = '', ...rest] = text.split(' | ').slice(0, 3)
  return [name.slice(2), ...rest]
}

function line(columns: readonly (string | number)[]): string {
  return `| ${columns.join(' | ')} |`
}
