import { join } from 'node:path'
import type { Cell, Part, Plan, Run } from '../part.ts'
import type { OpenInput } from './open-child.ts'
import { IMPORT_CELL, OPEN_CELL, SIZE_CELL, startReport } from './report.ts'
import { START_SUBJECTS } from './subjects.ts'

const IMPORT_PROGRAM = join(import.meta.dirname, 'import.mjs')
const OPEN_PROGRAM = join(import.meta.dirname, 'open-child.ts')
const SIZE_PROGRAM = join(import.meta.dirname, 'size-child.ts')
const ROUNDS = 5
const SECONDS = 0.3
/** Packages of ours are packed for it. */
const SIZE_SECONDS = 2

export const start: Part = {
  name: 'start',
  what: 'opening a small store that was closed in good order, importing the package, its size',
  cells({ quick }: Plan): Cell[] {
    const rounds = quick ? 1 : ROUNDS
    return [
      {
        id: IMPORT_CELL,
        rounds,
        contenders: START_SUBJECTS.map(({ name, imports }) => ({
          name,
          program: IMPORT_PROGRAM,
          input: { specifiers: imports },
          seconds: SECONDS,
          cold: true,
        })),
      },
      {
        id: OPEN_CELL,
        rounds,
        contenders: START_SUBJECTS.flatMap(({ name, opens }) => {
          if (opens === undefined) return []
          const run = (task: OpenInput['task']): Run => ({
            name: task === 'open' ? name : `small-${name.replaceAll(/\W+/g, '-')}`,
            program: OPEN_PROGRAM,
            input: { contender: opens, task } satisfies OpenInput,
            seconds: SECONDS,
            cold: true,
          })
          return [{ ...run('open'), needs: run('prepare') }]
        }),
      },
      {
        id: SIZE_CELL,
        rounds: 1,
        contenders: START_SUBJECTS.flatMap(({ name, installs }) =>
          installs === undefined
            ? []
            : [{ name, program: SIZE_PROGRAM, input: { installs }, seconds: SIZE_SECONDS }],
        ),
      },
    ]
  },
  report: startReport,
}
