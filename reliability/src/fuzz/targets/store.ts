import { isDeepStrictEqual } from 'node:util'
import { type Environment, type HoldfastError, isHoldfastError } from '@holdfast/environment'
import { planRecovery, type RecoveryPlan } from '@holdfast/recovery'
import { memoryEnvironment, MemoryFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { defineMachine, open, openReadOnly, Refusal } from 'holdfast'
import { type Draw, pick } from '../draw.ts'
import { modelOf } from '../store-model.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { drawValue } from '../values.ts'
import { WatchedFiles } from '../watched-files.ts'
import { isOutOfNumbers, mutated, refusalOf } from './log.ts'

const STORE = '/store'

/** A whole store, or a backup of one: `planRecovery`, `openReadOnly` and `open`, and where it is taken, once more. */
export const store: FuzzTarget = {
  name: 'store',
  share: 1,
  async prepare(seed): Promise<FuzzInputs> {
    const models = (await Promise.all([0, 1, 2].map((kind) => storeOf(kind, seed)))).map(modelOf)
    return {
      refusals: new Set([
        'CORRUPT',
        'DECODE_FAILED',
        'DIVERGED',
        'FOREIGN_FILE',
        'GAP',
        'MANIFEST_CORRUPT',
        'MANIFEST_MISSING',
        'NEWER_MACHINE',
        'NO_STORE',
        'SNAPSHOT_CORRUPT',
        'UNKNOWN_COMMAND',
        'UNSUPPORTED',
        'UNSUPPORTED_FORMAT',
        'UPGRADE_FAILED',
      ]),
      run: (draw) => check(mutated(pick(draw.random, models), draw), draw),
    }
  },
}

interface Notes {
  readonly values: Map<unknown, unknown>
  last: number
}

/** Takes anything that the codec gives it, as a careless application would. */
const machine = defineMachine({
  version: 1,
  initial: (): Notes => ({ values: new Map(), last: 0 }),
  commands: {
    set(state, { key, value }: { key: unknown; value: unknown }, { seq }) {
      if (key === 'no') throw new Refusal('NO')
      state.values.set(key, value)
      state.last = seq
    },
  },
})

/** Files of a store: closed, killed, or backed up; each with segments and snapshots. */
async function storeOf(kind: number, seed: number): Promise<Map<string, Buffer>> {
  const environment = memoryEnvironment(new MemoryFileSystem(), seed + kind)
  const random = new SeededRandom(seed + kind)
  const set = () =>
    ['set', { key: pick(random, ['a', 'b', 'c', 'no']), value: drawValue(random, 1) }] as const
  for (let opened = 0; ; opened++) {
    const opening = await open(STORE, machine, { environment, segmentBytes: 4096, syncIntervalMs: 60_000 })
    await opening.executeAll([set(), set(), set()])
    await opening.snapshot()
    for (let i = 0; i < 3; i++) await opening.execute(...set()).catch(() => {})
    const isLast = opened === 2
    if (isLast && kind === 1) {
      const files = environment.files.snapshot()
      await opening.close()
      return files
    }
    if (isLast && kind === 2) await opening.backup('/copy')
    await opening.close()
    if (isLast) return kind === 2 ? restored(environment.files) : environment.files.snapshot()
  }
}

/** A backup is a store: in the place of the one that it is of. */
function restored(files: MemoryFileSystem): Map<string, Buffer> {
  const copy = [...files.snapshot()].filter(([path]) => path.startsWith('/copy/'))
  return new Map(copy.map(([path, bytes]) => [path.replace('/copy/', '/store/'), bytes]))
}

async function check(files: ReadonlyMap<string, Buffer>, draw: Draw): Promise<string> {
  const watched = new WatchedFiles(files)
  const environment: Environment = { ...memoryEnvironment(watched.memory, draw.index), files: watched }
  return watched.closing(async () => {
    const plan = await planRecovery(STORE, { environment }).catch(refusalOf)
    watched.assertUntouched('a plan')
    const read = await readOnly(environment)
    watched.assertUntouched('a reader')
    return written(environment, watched, plan, read)
  })
}

interface Found {
  readonly seq: number
  readonly state: unknown
}

async function readOnly(environment: Environment): Promise<Found | undefined> {
  try {
    const reader = await openReadOnly(STORE, machine, { environment })
    const { appliedSeq, state } = reader
    await reader.close()
    return { seq: appliedSeq, state }
  } catch (error) {
    if (isHoldfastError(error)) return undefined
    throw error
  }
}

/** Opened for writing: what the plan and the reader said, and there again the next time. */
async function written(
  environment: Environment,
  watched: WatchedFiles,
  plan: RecoveryPlan | HoldfastError,
  read: Found | undefined,
): Promise<string> {
  const options = { environment, segmentBytes: 4096 }
  const refusal = isHoldfastError(plan) ? plan : plan.refusal
  const opened = await open(STORE, machine, options).catch((error: unknown) => {
    watched.assertUntouched('a refused open')
    if (read !== undefined && !isOutOfNumbers(error))
      throw new Broken(`read, and not opened: ${String(error)}`)
    throw error
  })
  let seq: number
  try {
    if (isHoldfastError(plan) || refusal !== undefined)
      throw new Broken(`opened, and the plan refuses: ${String(refusal)}`)
    if (!isDeepStrictEqual(read?.state, opened.state))
      throw new Broken('read, it is another state than opened')
    if (plan.lastSeq !== opened.appliedSeq) throw new Broken('the plan ends elsewhere')
    await opened.execute('set', { key: 'one', value: 'more' })
    seq = opened.appliedSeq
  } finally {
    await opened.close()
  }
  const again = await open(STORE, machine, options).catch((error: unknown) => {
    // The last epoch that there is was its own.
    if (isOutOfNumbers(error)) return undefined
    throw new Broken(`what was opened and closed cannot be opened again: ${String(error)}`)
  })
  if (again === undefined) return 'opened for the last time'
  const same = again.appliedSeq === seq && isDeepStrictEqual(again.state, opened.state)
  await again.close()
  if (!same) throw new Broken('opened again it is another state')
  return 'opened'
}
