import { type Bar, barChart } from '../chart/bars.ts'
import { lineChart } from '../chart/lines.ts'
import { duration, exactly, median, megabytes, NONE, times } from '../format.ts'
import type { CellResult, Report } from '../part.ts'
import { ratio, reason, spread } from '../statistics.ts'
import { table } from '../table.ts'
import { LOADERS } from './loaders.ts'

/** The cell in which everything loads the same state. */
export const STATE_CELL = 'the same state'
/** The cells of logs that grow; the number of records follows. */
export const LINE_CELL = 'records in the log: '
export const LINE_CONTENDER = 'holdfast, log'
const STATE_CHART = 'recovery.svg'
const LINE_CHART = 'recovery-line.svg'
const BASE = 'JSON.parse'

export function recoveryReport(results: readonly CellResult[]): Report {
  const state = results.find(({ id }) => id === STATE_CELL) ?? { id: STATE_CELL, outcomes: {} }
  const line = results.filter(({ id }) => id.startsWith(LINE_CELL))
  return {
    sections: {
      recovery: `![A state brought back into memory](charts/${STATE_CHART})\n\n${stateTable(state)}`,
      'recovery-line': `![What recovery costs as the log grows](charts/${LINE_CHART})\n\n${lineTable(line)}`,
    },
    charts: { [STATE_CHART]: stateChart(state), [LINE_CHART]: growth(line) },
  }
}

function stateTable(result: CellResult): string {
  const rows = LOADERS.map(({ name, use }) => {
    const of = (figure: string) => spread(result, name, figure)
    const seconds = of('seconds')
    return [
      name,
      use,
      seconds === undefined ? (reason(result.outcomes[name]) ?? NONE) : duration(seconds.median * 1e6),
      median(of('records'), exactly),
      median(of('perSecond')),
      times(ratio(result, name, BASE, 'perSecond')),
      median(of('peakMemoryMib'), (mib) => megabytes(mib * 1024 ** 2)),
      median(of('bytes'), megabytes),
    ]
  })
  const head = ['', 'what is timed', 'time', 'records', 'records/s', `÷ ${BASE}`, 'peak memory', 'on disk']
  return table(head, rows, 2)
}

function lineTable(results: readonly CellResult[]): string {
  const rows = results.map((result) => {
    const of = (figure: string) => spread(result, LINE_CONTENDER, figure)
    return [
      median(of('records'), exactly),
      median(of('seconds'), (seconds) => duration(seconds * 1e6)),
      median(of('perSecond'), (each) => duration(1e6 / each)),
      median(of('perSecond')),
      median(of('peakMemoryMib'), (mib) => megabytes(mib * 1024 ** 2)),
      median(of('bytes'), megabytes),
    ]
  })
  return table(['records in the log', 'time', 'each', 'records/s', 'peak memory', 'on disk'], rows, 0)
}

function stateChart(result: CellResult): string {
  const bars = LOADERS.flatMap(({ name }): Bar[] => {
    const value = spread(result, name, 'perSecond')
    if (value === undefined || name === 'the state alone') return []
    return [{ label: name, kind: name.startsWith('holdfast') ? 'ours' : 'peer', synced: true, value }]
  })
  return barChart({
    title: 'A state brought back into memory',
    subtitle:
      'Records or entries a second; longer is faster. Median of the rounds, whiskers from the lowest to the highest.',
    axis: 'a second',
    legend: false,
    panels: [
      { title: `the same state of ${median(spread(result, BASE, 'records'), exactly)} entries`, bars },
    ],
  })
}

function growth(results: readonly CellResult[]): string {
  return lineChart({
    title: 'What recovery costs as the log grows',
    subtitle: 'Time to open a store whose log was written at 4,096 in flight and has no snapshot.',
    xAxis: 'records in the log',
    yAxis: 'time',
    say: (seconds) => duration(seconds * 1e6),
    points: results.flatMap((result) => {
      const y = spread(result, LINE_CONTENDER, 'seconds')
      const x = spread(result, LINE_CONTENDER, 'records')
      return x === undefined || y === undefined ? [] : [{ x: x.median, y }]
    }),
  })
}
