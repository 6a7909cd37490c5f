import { join } from 'node:path'
import type { Cell, Contender, Part, Plan, Run } from '../part.ts'
import type { RecoveryInput } from './child.ts'
import { LOADERS, type LoaderEntry } from './loaders.ts'
import { LINE_CELL, LINE_CONTENDER, recoveryReport, STATE_CELL } from './report.ts'

const PROGRAM = join(import.meta.dirname, 'child.ts')
const ENTRIES = 1_000_000
const LINE = [10_000, 100_000, 1_000_000, 10_000_000]
const QUICK_ENTRIES = 2000
const QUICK_LINE = [200, 2000]
const ROUNDS = 3
/** Loading a record, making it ready to be loaded, and starting the process that does it: as a slow one takes. */
const LOAD_SECONDS_EACH = 2e-6
const PREPARE_SECONDS_EACH = 4e-6
const START_SECONDS = 0.3
/** Of what cannot be made as fast as that. */
const PREPARE_SINGLE_SECONDS = 12

export const recovery: Part = {
  name: 'recovery',
  what: 'a state brought back from a log and from a snapshot: time, memory, and how both grow',
  cells({ quick }: Plan): Cell[] {
    const entries = quick ? QUICK_ENTRIES : ENTRIES
    const rounds = quick ? 1 : ROUNDS
    return [
      { id: STATE_CELL, rounds, contenders: LOADERS.map((entry) => contender(entry, entries)) },
      ...(quick ? QUICK_LINE : LINE).map((records) => line(records, rounds)),
    ]
  },
  report: recoveryReport,
}

function line(records: number, rounds: number): Cell {
  const entry = LOADERS.find(({ name }) => name === LINE_CONTENDER) as LoaderEntry
  return { id: `${LINE_CELL}${records}`, rounds, contenders: [contender(entry, records)] }
}

function contender({ name, inFlight = 1, share = 1 }: LoaderEntry, all: number): Contender {
  const records = Math.ceil(all * share)
  const input: RecoveryInput = { loader: name, task: 'load', records, inFlight }
  const prepare: RecoveryInput = { ...input, task: 'prepare' }
  return {
    name,
    program: PROGRAM,
    input,
    seconds: START_SECONDS + records * LOAD_SECONDS_EACH,
    needs: {
      name: `${name.replaceAll(/\W+/g, '-')}-${records}`,
      program: PROGRAM,
      input: prepare,
      seconds: share === 1 ? START_SECONDS + records * PREPARE_SECONDS_EACH : PREPARE_SINGLE_SECONDS,
    },
  }
}

/** So many cities, made as one of the contenders of recovery has them. */
export function preparedFor(loader: string, cities: number): Run {
  const entry = LOADERS.find(({ name }) => name === loader) as LoaderEntry
  return contender(entry, cities).needs as Run
}
