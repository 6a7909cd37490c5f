import { join } from 'node:path'
import type { Cell, Contender, Part, Plan } from '../part.ts'
import type { ReadsInput } from './child.ts'
import { CATCH_UP_CELL, FOLLOW_CELL, readsReport } from './report.ts'

const PROGRAM = join(import.meta.dirname, 'child.ts')
const IN_FLIGHT = 256
const MS = 1000
const QUICK_MS = 30
const RECORDS = 1_000_000
const QUICK_RECORDS = 10_000
const ROUNDS = 3
const SECONDS = 2.5

export const reads: Part = {
  name: 'reads',
  what: 'a log and a store read while they are written to: records a second, lag',
  cells({ quick }: Plan): Cell[] {
    const rounds = quick ? 1 : ROUNDS
    const follow = { task: 'follow', inFlight: IN_FLIGHT, ms: quick ? QUICK_MS : MS } as const
    const catchUp = { task: 'catch up', records: quick ? QUICK_RECORDS : RECORDS } as const
    return [
      {
        id: FOLLOW_CELL,
        rounds,
        contenders: [
          contender('@holdfast/wal', { subject: 'log', ...follow, reads: false }),
          contender('@holdfast/wal, tail', { subject: 'log', ...follow, reads: true }),
          contender('holdfast', { subject: 'store', ...follow, reads: false }),
          contender('holdfast, changes', { subject: 'store', ...follow, reads: true }),
        ],
      },
      {
        id: CATCH_UP_CELL,
        rounds,
        contenders: [
          contender('@holdfast/wal, tail', { subject: 'log', ...catchUp }),
          contender('holdfast, changes', { subject: 'store', ...catchUp }),
        ],
      },
    ]
  },
  report: readsReport,
}

function contender(name: string, input: ReadsInput): Contender {
  return { name, program: PROGRAM, input, seconds: SECONDS }
}
