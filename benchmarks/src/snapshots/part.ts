import { join } from 'node:path'
import type { Cell, Contender, Part, Plan } from '../part.ts'
import { preparedFor } from '../recovery/part.ts'
import type { SnapshotsInput } from './child.ts'
import { SNAPSHOT_CONTENDERS, type SnapshotContender } from './modes.ts'
import { snapshotsReport } from './report.ts'

const PROGRAM = join(import.meta.dirname, 'child.ts')
const CITIES = 1_000_000
const QUICK_CITIES = 2000
const IN_FLIGHT = 256
const MS = 2000
const QUICK_MS = 30
const ROUNDS = 2
/** The load, opening and closing the store, and a snapshot that is still under way. */
const SECONDS = 5

export const snapshots: Part = {
  name: 'snapshots',
  what: 'snapshots while writes go on: speed, memory, stalls',
  cells: ({ quick }: Plan): Cell[] => [
    {
      id: 'snapshots',
      rounds: quick ? 1 : ROUNDS,
      contenders: SNAPSHOT_CONTENDERS.flatMap((entry, index, all) => [
        // One load without for all that share it.
        ...(all.findIndex(({ without }) => without === entry.without) === index
          ? [contender(entry.without, quick, { ...entry, besideLoop: false }, false)]
          : []),
        contender(entry.name, quick, entry, entry.besideLoop !== true),
      ]),
    },
  ],
  report: snapshotsReport,
}

function contender(
  name: string,
  quick: boolean,
  { subject, prepared, besideLoop = false }: SnapshotContender,
  isTaking: boolean,
): Contender {
  const cities = quick ? QUICK_CITIES : CITIES
  const input: SnapshotsInput = {
    snapshots: isTaking,
    besideLoop,
    subject,
    cities,
    inFlight: IN_FLIGHT,
    ms: quick ? QUICK_MS : MS,
  }
  return { name, program: PROGRAM, input, seconds: SECONDS, needs: preparedFor(prepared, cities) }
}
