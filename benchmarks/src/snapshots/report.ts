import { duration, median, megabytes, NONE, times } from '../format.ts'
import type { CellResult, Report } from '../part.ts'
import { ratio, reason, spread } from '../statistics.ts'
import { table } from '../table.ts'
import { SNAPSHOT_CONTENDERS } from './modes.ts'

const MIB = 1024 ** 2

export function snapshotsReport(results: readonly CellResult[]): Report {
  return { sections: { snapshots: results.map(snapshotsTable).join('\n\n') }, charts: {} }
}

function snapshotsTable(result: CellResult): string {
  const lines = SNAPSHOT_CONTENDERS.flatMap(({ name, without }, index, all) => [
    ...(all.findIndex((other) => other.without === without) === index
      ? [{ name: without, beside: undefined }]
      : []),
    { name, beside: without },
  ])
  const rows = lines.map(({ name, beside }) => {
    const of = (figure: string) => spread(result, name, figure)
    const perSecond = of('perSecond')
    return [
      name,
      perSecond === undefined ? (reason(result.outcomes[name]) ?? NONE) : median(perSecond),
      beside === undefined ? NONE : times(ratio(result, name, beside, 'perSecond')),
      median(of('p50Us'), duration),
      median(of('p99Us'), duration),
      median(of('maxUs'), duration),
      median(of('delayP99Ms'), (ms) => duration(ms * 1000)),
      median(of('longestStallMs'), (ms) => duration(ms * 1000)),
      median(of('snapshotSeconds'), (seconds) => duration(seconds * 1e6)),
      median(of('bytes'), megabytes),
      median(of('bytesPerSecond'), (bytes) => `${megabytes(bytes)}/s`),
      median(of('peakMemoryMib'), (mib) => megabytes(mib * MIB)),
      median(of('grownMib'), (mib) => megabytes(mib * MIB)),
    ]
  })
  const head = [
    '',
    'commands/s',
    '÷ no snapshot',
    'p50',
    'p99',
    'longest wait',
    'p99 delay of the loop',
    'longest stall',
    'a snapshot takes',
    'of',
    'speed',
    'peak memory',
    'grown by',
  ]
  return table(head, rows)
}
