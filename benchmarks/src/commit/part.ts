import { join } from 'node:path'
import type { Cell, Part, Plan } from '../part.ts'
import { COMMIT_CELLS, type CommitCell, commitCellId } from './cell.ts'
import type { CommitInput } from './child.ts'
import { COMMIT_CONTENDERS } from './contenders.ts'
import { commitReport } from './report.ts'

const PROGRAM = join(import.meta.dirname, 'child.ts')
const MEASURED_MS = 450
const QUICK_MS = 30
const ROUNDS = 3
/** The size that most people have. */
const ROUNDS_OF_SMALLEST = 4
/** A run with its process, its files and its warm-up. */
const SECONDS = 1
const QUICK_CELL: CommitCell = { inFlight: 16, bytes: 100 }

export const commit: Part = {
  name: 'commit',
  what: 'commands made durable: throughput, latency, processor time, bytes written',
  cells: ({ quick }: Plan) => (quick ? [QUICK_CELL] : COMMIT_CELLS).map((cell) => cellOf(cell, quick)),
  report: commitReport,
}

function cellOf(cell: CommitCell, quick: boolean): Cell {
  const rounds = cell.bytes <= 100 ? ROUNDS_OF_SMALLEST : ROUNDS
  return {
    id: commitCellId(cell),
    rounds: quick ? 1 : rounds,
    contenders: COMMIT_CONTENDERS.filter(({ fits }) => fits(cell)).map(({ name }) => {
      const input: CommitInput = { contender: name, cell, ms: quick ? QUICK_MS : MEASURED_MS }
      return { name, program: PROGRAM, input, seconds: SECONDS }
    }),
  }
}
