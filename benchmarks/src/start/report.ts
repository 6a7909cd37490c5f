import { duration, exactly, median, megabytes, NONE, times } from '../format.ts'
import type { CellResult, Report } from '../part.ts'
import { ratio, reason, spread } from '../statistics.ts'
import { table } from '../table.ts'
import { START_SUBJECTS } from './subjects.ts'

export const IMPORT_CELL = 'importing'
export const OPEN_CELL = 'opening'
export const SIZE_CELL = 'size'

const OURS = 'holdfast'
const MIB = 1024 ** 2

export function startReport(results: readonly CellResult[]): Report {
  return {
    sections: { start: startTable(new Map(results.map((result) => [result.id, result]))) },
    charts: {},
  }
}

function startTable(cells: ReadonlyMap<string, CellResult>): string {
  const rows = START_SUBJECTS.map(({ name }) => {
    const of = (cell: string, figure: string) => {
      const result = cells.get(cell)
      return result === undefined ? undefined : spread(result, name, figure)
    }
    const opening = cells.get(OPEN_CELL)
    const ms = (value: number): string => duration(value * 1000)
    return [
      name,
      median(of(OPEN_CELL, 'openMs'), ms) === NONE
        ? (reason(opening?.outcomes[name]) ?? NONE)
        : median(of(OPEN_CELL, 'openMs'), ms),
      opening === undefined || name === OURS ? NONE : times(ratio(opening, name, OURS, 'openMs')),
      median(of(IMPORT_CELL, 'importMs'), ms),
      median(of(IMPORT_CELL, 'grownMib'), (mib) => megabytes(mib * MIB)),
      median(of(IMPORT_CELL, 'rssMib'), (mib) => megabytes(mib * MIB)),
      median(of(SIZE_CELL, 'bytes'), megabytes),
      median(of(SIZE_CELL, 'packages'), exactly),
    ]
  })
  const head = [
    '',
    'opening',
    `÷ ${OURS}`,
    'importing',
    'memory for it',
    'process then',
    'installed',
    'packages',
  ]
  return table(head, rows)
}
