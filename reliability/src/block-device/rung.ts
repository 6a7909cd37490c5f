import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defineRung, type Progress, type RungResult } from '../rung.ts'
import { BlockDevice } from './block-device.ts'
import { readBlockLog } from './block-log.ts'
import { type FileSystemKind, fileSystemsNamed } from './file-systems.ts'
import { recordRun } from './recording.ts'
import { Replayer } from './replay.ts'
import { describeTornTail, tally, tallyLine } from './replay-figures.ts'
import { missingFor } from './requirements.ts'

/** Where a block log is kept that broke a promise, or that is to be replayed again. */
const LOGS = join(import.meta.dirname, '../../../.reports/reliability')

export const blockLog = defineRung({
  name: 'block-log',
  what: 'power cuts at every write of a recorded run on a real file system, which recovers each by itself',
  options: {
    seed: 1,
    /** ext4, xfs, btrfs or all. */
    fs: 'all',
    batches: 500,
    survivals: 5,
    /** Only each so manieth cut point. */
    every: 1,
    /** For each file system, from the end of its recording on. */
    seconds: 7200,
    /** Bytes of a logical sector of the device. */
    sector: 512,
    /** A block log of one file system that is to be replayed instead of a new run. */
    log: '',
  },
  async run(options, progress) {
    const result: RungResult = { figures: {}, violations: [], skipped: [] }
    for (const kind of fileSystemsNamed(options.fs)) {
      const missing = await missingFor(kind)
      const part =
        missing === undefined
          ? await powerCuts(kind, options, progress)
          : { figures: {}, violations: [], skipped: [`${kind.name}: ${missing}`] }
      merge(result, kind, part)
    }
    return result
  },
})

interface PowerCutOptions {
  readonly seed: number
  readonly batches: number
  readonly survivals: number
  readonly every: number
  readonly seconds: number
  readonly sector: number
  readonly log: string
}

/** One file system: a run, and all that a power cut can have left of it. */
export async function powerCuts(
  kind: FileSystemKind,
  options: PowerCutOptions,
  progress: Progress,
): Promise<RungResult> {
  const { seed, batches, survivals, every, seconds, sector } = options
  const device = await BlockDevice.open(kind.diskBytes, sector)
  try {
    const logPath = options.log === '' ? device.scratch('log') : options.log
    const written = options.log === '' ? await recordRun(device, kind, { seed, batches, logPath }) : 0
    const log = await readBlockLog(logPath)
    const replayer = new Replayer(device, kind, log, {
      seed,
      survivals,
      every,
      until: performance.now() + seconds * 1000,
      onState: ({ cuts, states, opened, tornTails }) =>
        progress(`${kind.name}: ${cuts} cuts, ${states} states, ${opened} opened, ${tornTails} torn tails`),
    })
    const { figures, violations, unmountable, tornTails } = await replayer.run()
    if (violations.length > 0 && options.log === '') await keep(logPath, kind, seed)
    const whole = tornTails.filter((tail) => !tail.zeroPart && !tail.cutOff)
    return {
      figures: {
        batches: written,
        requests: log.entries.filter(({ type }) => type !== 'note').length,
        ...figures,
        complete: String(figures.complete),
        unmountable: tallyLine(Object.fromEntries(unmountable)),
        tornTails: figures.tornTails,
        tornTailsBy: tallyLine(tally(tornTails.map(describeTornTail))),
        tornWithoutZeroSector: whole.length,
        tornWithoutZeroSectorBy: tallyLine(tally(whole.map(describeTornTail))),
        firstWithoutZeroSector: whole
          .slice(0, 3)
          .map(({ cut, survival, path, offset }) => `cut ${cut}, survival ${survival}, ${path} at ${offset}`)
          .join('; '),
      },
      violations,
      skipped: [],
    }
  } finally {
    await device.close()
  }
}

/** What was recorded is never recorded again just so. */
async function keep(logPath: string, kind: FileSystemKind, seed: number): Promise<void> {
  await mkdir(LOGS, { recursive: true })
  await copyFile(logPath, join(LOGS, `block-log-${kind.name}-${seed}.log`))
}

function merge(into: RungResult, { name }: FileSystemKind, part: RungResult): void {
  const figures = Object.entries(part.figures).map(([figure, value]) => [`${name} ${figure}`, value] as const)
  Object.assign(into.figures, Object.fromEntries(figures))
  ;(into.violations as string[]).push(...part.violations)
  ;(into.skipped as string[]).push(...part.skipped)
}
