import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { defineRung, type Progress, type RungResult } from '../rung.ts'
import { BlockDevice } from './block-device.ts'
import { readBlockLog } from './block-log.ts'
import { FailingRequests } from './failing-requests.ts'
import { type FileSystemKind, fileSystemsNamed } from './file-systems.ts'
import { recordRun } from './recording.ts'
import { Replayer } from './replay.ts'
import { describeTornTail, tally, tallyLine } from './replay-figures.ts'
import { missingFor } from './requirements.ts'
import { SECTOR_BYTES } from './survivals.ts'

/** Where the block log of a run that broke a promise is kept, for `--log`. */
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
    /** The block log of an earlier run, on this file system and with this seed: replayed instead of a new one. */
    log: '',
  },
  run: (options, progress) => onEach(options.fs, (kind) => powerCuts(kind, options, progress)),
})

export const failingSync = defineRung({
  name: 'failing-sync',
  what: 'a real disk under a real file system that answers one flush or write with EIO: each of a run in turn',
  options: {
    seed: 1,
    /** ext4, xfs, btrfs or all. */
    fs: 'all',
    batches: 16,
    /** Only each so manieth request. */
    every: 1,
    /** For each file system. */
    seconds: 3600,
  },
  run: (options, progress) => onEach(options.fs, (kind) => failingRequests(kind, options, progress)),
})

/** The same on each file system that is asked for, where this machine can do it. */
async function onEach(fs: string, climb: (kind: FileSystemKind) => Promise<RungResult>): Promise<RungResult> {
  const figures: Record<string, number | string> = {}
  const violations: string[] = []
  const skipped: string[] = []
  for (const kind of fileSystemsNamed(fs)) {
    const missing = await missingFor(kind)
    if (missing !== undefined) {
      skipped.push(`${kind.name}: ${missing}`)
      continue
    }
    const result = await climb(kind)
    for (const [name, value] of Object.entries(result.figures)) figures[`${kind.name} ${name}`] = value
    violations.push(...result.violations)
    skipped.push(...result.skipped)
  }
  return { figures, violations, skipped }
}

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
      isLookedAt: (cut) => cut % every === 0,
      until: performance.now() + seconds * 1000,
      onState: ({ cuts, states, opened, violations }) =>
        progress(`${kind.name}: ${cuts} cuts, ${states} states, ${opened} opened, ${violations} violations`),
    })
    const { figures, violations, tornTails } = await replayer.run()
    if (violations.length > 0 && options.log === '') await keep(logPath, kind, seed)
    const whole = tornTails.filter((tail) => !tail.zeroPart && !tail.cutOff)
    return {
      figures: {
        batches: written,
        requests: log.entries.filter(({ type }) => type !== 'note').length,
        ...figures,
        complete: String(figures.complete),
        ...tally(tornTails.map((tail) => `torn: ${describeTornTail(tail)}`)),
        tornWithoutZeroSector: whole.length,
        ...tally(whole.map((tail) => `torn without a zero sector: ${describeTornTail(tail)}`)),
      },
      violations,
      skipped: notDone(kind, figures.complete || violations.length > 0, seconds),
    }
  } finally {
    await device.close()
  }
}

function notDone({ name }: FileSystemKind, complete: boolean, seconds: number): string[] {
  return complete ? [] : [`${name}: what was left after ${seconds} s`]
}

/** What was recorded is never recorded again just so. */
async function keep(logPath: string, kind: FileSystemKind, seed: number): Promise<void> {
  await mkdir(LOGS, { recursive: true })
  await copyFile(logPath, join(LOGS, `block-log-${kind.name}-${seed}.log`))
}

interface FailingSyncOptions {
  readonly seed: number
  readonly batches: number
  readonly every: number
  readonly seconds: number
}

/** One file system: a run for each of the requests that it makes of the disk. */
export async function failingRequests(
  kind: FileSystemKind,
  { seed, batches, every, seconds }: FailingSyncOptions,
  progress: Progress,
): Promise<RungResult> {
  const device = await BlockDevice.open(kind.diskBytes, SECTOR_BYTES)
  try {
    const until = performance.now() + seconds * 1000
    const failing = new FailingRequests(device, kind, {
      seed,
      batches,
      every,
      until,
      onRun: ({ flushes, writes, moved, refused }) =>
        progress(
          `${kind.name}: ${flushes} flushes and ${writes} writes failed, moved ${moved}, refused ${tallyLine(refused)}, ${failing.violations.length} violations`,
        ),
    })
    await failing.run()
    const { refused, complete, ...figures } = failing.figures
    return {
      figures: {
        ...figures,
        complete: String(complete),
        ...Object.fromEntries(Object.entries(refused).map(([how, runs]) => [`refused: ${how}`, runs])),
      },
      violations: failing.violations,
      skipped: notDone(kind, complete || failing.violations.length > 0, seconds),
    }
  } finally {
    await device.close()
  }
}
