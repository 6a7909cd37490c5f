import { duration, median, NONE, times } from '../format.ts'
import type { CellResult, Report } from '../part.ts'
import { ratio, reason, spread } from '../statistics.ts'
import { table } from '../table.ts'

export const FOLLOW_CELL = 'reading what is being written'
export const CATCH_UP_CELL = 'reading what is there'

export function readsReport(results: readonly CellResult[]): Report {
  return { sections: { reads: results.map(readsTable).join('\n\n') }, charts: {} }
}

function readsTable(result: CellResult): string {
  const rows = Object.keys(result.outcomes).map((name) => {
    const of = (figure: string) => spread(result, name, figure)
    const [alone] = name.split(',') as [string]
    return [
      name,
      reason(result.outcomes[name]) ?? median(of('readsPerSecond')),
      median(of('lagP50Us'), duration),
      median(of('lagP99Us'), duration),
      median(of('perSecond')),
      name === alone ? NONE : times(ratio(result, name, alone, 'perSecond')),
    ]
  })
  const head = ['', 'read/s', 'lag p50', 'lag p99', 'written/s', '÷ without a reader']
  return `**${result.id}**\n\n${table(head, rows)}`
}
