import { smallDisk } from '@holdfast/testing/environment'
import { defineRung } from '../rung.ts'
import { climb, tableOf } from './climb.ts'
import { prlimitIsMissing } from './conditions.ts'
import { straceIsMissing } from './strace.ts'

export const systemCalls = defineRung({
  name: 'system-calls',
  what: 'every system call on the files of a real process fails, is cut short, takes its time or is its last',
  options: { seed: 1, first: 0, runs: 200, only: '' },
  async run({ seed, first, runs, only }, progress) {
    const missing = (await straceIsMissing()) ?? (await prlimitIsMissing())
    if (missing !== undefined) return { figures: {}, violations: [], skipped: [`system-calls: ${missing}`] }
    const disk = await smallDisk(64 * 1024)
    await disk?.remove()
    const { sites, planned, trials, violations } = await climb(
      {
        seed,
        first,
        runs,
        ...(only === '' ? {} : { only }),
        onTrial: (_, done, of) => progress(`${done} of ${of} trials`),
      },
      disk !== undefined,
    )
    const figures = {
      'call sites': sites,
      'trials planned': planned,
      'trials made': trials.length,
      ...tableOf(trials),
    }
    const skipped = disk === undefined ? ['a full disk: mounting a tmpfs is not allowed here'] : []
    return { figures, violations, skipped }
  },
})
