import { type Bar, barChart } from '../chart/bars.ts'
import { duration, exactly, median, NONE, number, times } from '../format.ts'
import type { CellResult, Report } from '../part.ts'
import { figures, ratio, reason, type Spread, spread, together } from '../statistics.ts'
import { table } from '../table.ts'
import { COMMIT_CELLS, type CommitCell, commitCellId, SIZES, sizeName } from './cell.ts'
import { COMMIT_CONTENDERS, type CommitEntry } from './contenders.ts'

const OURS = 'holdfast'
const BARE = 'bare'
/** What the README shows of it. */
const SUMMARY_BYTES = 100
const SUMMARY = ['holdfast', 'lmdb', 'classic-level', 'node:sqlite', 'node:sqlite batched', 'Redis', 'nedb']
/** With more in flight the disk takes far more than anybody gives it, and the bars of the others could not be told apart. */
const FLOOR_IN_CHART_MAX = 16

const CHART = 'commit.svg'

type Measured = readonly (readonly [CommitCell, CellResult])[]

export function commitReport(results: readonly CellResult[]): Report {
  const byId = new Map(results.map((result) => [result.id, result]))
  const measured = COMMIT_CELLS.flatMap((cell) => {
    const result = byId.get(commitCellId(cell))
    return result === undefined ? [] : [[cell, result] as const]
  })
  const sizes = SIZES.map((bytes) => measured.filter(([cell]) => cell.bytes === bytes)).filter(
    (cells) => cells.length > 0,
  )
  const smallest = measured.filter(([{ bytes }]) => bytes === SUMMARY_BYTES)
  return {
    sections: {
      commit: [image(`charts/${CHART}`), uses(), ...sizes.map(throughput)].join('\n\n'),
      'commit-details': sizes.map(details).join('\n\n'),
      summary: [image(`docs/charts/${CHART}`), summary(smallest)].join('\n\n'),
    },
    charts: { [CHART]: chart(smallest) },
  }
}

function image(path: string): string {
  return `![Commands of ${sizeName(SUMMARY_BYTES)} made durable a second](${path})`
}

function uses(): string {
  return table(
    ['', 'how it is used', 'acknowledged'],
    COMMIT_CONTENDERS.map(({ name, use, promised }) => [name, use, promised]),
    3,
  )
}

/** Commands a second, and what they are of Holdfast's in the same round. */
function throughput(cells: Measured): string {
  const [[first]] = cells as [[CommitCell, CellResult]]
  const present = COMMIT_CONTENDERS.filter(({ name }) => cells.some(([, { outcomes }]) => name in outcomes))
  const rows = present
    .filter(({ promised }) => promised !== 'nothing')
    .map((entry) => [entry.name, entry.promised, ...cells.map(([, result]) => perSecond(result, entry))])
  const head = [
    'commands/s',
    'acknowledged',
    ...cells.map(([{ inFlight }]) => `${exactly(inFlight)} in flight`),
  ]
  return `**${sizeName(first.bytes)}**\n\n${table(head, rows, 2)}`
}

function perSecond(result: CellResult, { name }: CommitEntry): string {
  const of = spread(result, name, 'perSecond')
  if (of === undefined) return reason(result.outcomes[name]) ?? NONE
  const figure = `**${number(of.median)}**`
  return name === OURS ? figure : `${figure} · ${times(ratio(result, name, OURS, 'perSecond'))}`
}

/** What a command came to beside that. */
function details(cells: Measured): string {
  const [[first]] = cells as [[CommitCell, CellResult]]
  const rows = cells.flatMap(([cell, result]) =>
    COMMIT_CONTENDERS.filter(({ name }) => name in result.outcomes).map(({ name, promised }) =>
      detail(cell, result, name, promised !== 'nothing'),
    ),
  )
  const head = [
    'in flight',
    '',
    'p50',
    'p99',
    'p99.9',
    'p50 ÷ floor',
    'acks ÷ floor write',
    'of the bandwidth',
    'CPU each',
    'above bare',
    'bytes written',
  ]
  return `<details><summary>${sizeName(first.bytes)}</summary>\n\n${table(head, rows, 2)}\n\n</details>`
}

function detail(cell: CommitCell, result: CellResult, name: string, isStorage: boolean): string[] {
  const of = (figure: string): (number | undefined)[] => figures(result, name, figure)
  const floor = figures(result, 'floor', 'p50Us')
  const say = (value: Spread | undefined, words = duration): string =>
    isStorage ? median(value, words) : NONE
  return [
    exactly(cell.inFlight),
    name,
    say(spread(result, name, 'p50Us')),
    say(spread(result, name, 'p99Us')),
    say(spread(result, name, 'p999Us')),
    isStorage ? times(together(of('p50Us'), floor, (a, b) => a / b)) : NONE,
    say(
      together(of('perSecond'), floor, (each, floorUs) => (each * floorUs) / 1e6),
      number,
    ),
    say(ratio(result, name, 'bandwidth', 'perSecond'), (share) => `${number(share * 100)} %`),
    median(spread(result, name, 'cpuUs'), duration),
    median(
      name === BARE ? undefined : together(of('cpuUs'), figures(result, BARE, 'cpuUs'), (a, b) => a - b),
      duration,
    ),
    say(spread(result, name, 'bytesPerByte'), (bytes) => `${number(bytes)}×`),
  ]
}

/** The short table of the README. */
function summary(cells: Measured): string {
  const rows = COMMIT_CONTENDERS.filter(({ name }) => SUMMARY.includes(name)).map((entry) => [
    entry.name,
    entry.promised,
    ...cells.map(([, result]) => median(spread(result, entry.name, 'perSecond'))),
  ])
  const head = [
    'commands/s',
    'acknowledged',
    ...cells.map(([{ inFlight }]) => `${exactly(inFlight)} in flight`),
  ]
  return table(head, rows, 2)
}

function chart(cells: Measured): string {
  return barChart({
    title: `Commands of ${sizeName(SUMMARY_BYTES)} made durable`,
    subtitle:
      'A bar is the median of the rounds, a whisker reaches from the lowest to the highest; what is cut off was not synced.',
    axis: 'commands a second',
    legend: true,
    panels: cells.map(([{ inFlight }, result]) => ({
      title: `${exactly(inFlight)} in flight`,
      bars: COMMIT_CONTENDERS.flatMap((entry) => bar(inFlight, result, entry)),
    })),
  })
}

function bar(inFlight: number, result: CellResult, { name, kind, promised }: CommitEntry): Bar[] {
  const value = spread(result, name, 'perSecond')
  if (value === undefined || promised === 'nothing') return []
  if (kind === 'limit' && inFlight > FLOOR_IN_CHART_MAX) return []
  return [{ label: name, kind, synced: promised === 'synced', value }]
}
