import { isDeepStrictEqual } from 'node:util'
import { type Environment, isHoldfastError } from '@holdfast/environment'
import { planRecovery } from '@holdfast/recovery'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { open, openReadOnly } from 'holdfast'
import { WatchedFiles } from '../fuzz/watched-files.ts'
import { type DamagedStore, type Files, ledger, OPTIONS, STORE } from './store.ts'

/** What a damaged store may be refused with. */
const REFUSALS: ReadonlySet<string> = new Set([
  'CORRUPT',
  'FOREIGN_FILE',
  'MANIFEST_CORRUPT',
  'MANIFEST_MISSING',
  'SNAPSHOT_CORRUPT',
])

/** What became of a damaged store. */
export interface Verdict {
  /** The code that it was refused with; `undefined` where it opened. */
  readonly refused: string | undefined
  /** The last sequence that is there; 0 where it was refused. */
  readonly lastSeq: number
  /** Snapshots that were set aside. */
  readonly setAside: number
}

/** The state was wrong, something was changed, or no one had promised what happened. */
export class Violation extends Error {}

/**
 * What planning, reading and opening say of these files: the same, or a `Violation` is thrown. A state that
 * comes back has to be one that the store went through. With `writes`, it has to take another command, and
 * every command that is read of it has to be the one that was executed.
 */
export async function judge(files: Files, store: DamagedStore, writes: boolean): Promise<Verdict> {
  const watched = new WatchedFiles(files)
  const environment: Environment = { ...memoryEnvironment(watched.memory, 99), files: watched }
  const planned = await answer('the plan', watched, async () => {
    const plan = await planRecovery(STORE, { environment })
    if (plan.refusal !== undefined) throw plan.refusal
    return { lastSeq: plan.lastSeq, setAside: plan.setAside.length }
  })
  const read = await answer('the reader', watched, async () => {
    const reader = await openReadOnly(STORE, ledger, { environment })
    assertState(reader.state, reader.appliedSeq, store)
    await reader.close()
    return { lastSeq: reader.appliedSeq, setAside: reader.report.setAside.length }
  })
  if (!isDeepStrictEqual(planned, read))
    throw new Violation(`planned ${JSON.stringify(planned)}, read ${JSON.stringify(read)}`)
  if (!writes) return planned
  const opened = await written(watched, environment, store)
  if (!isDeepStrictEqual(planned, opened))
    throw new Violation(`planned ${JSON.stringify(planned)}, opened ${JSON.stringify(opened)}`)
  return planned
}

async function answer(
  who: string,
  watched: WatchedFiles,
  ask: () => Promise<Omit<Verdict, 'refused'>>,
): Promise<Verdict> {
  const before = watched.changes.length
  try {
    return { refused: undefined, ...(await watched.closing(ask)) }
  } catch (error) {
    if (!isHoldfastError(error) || !REFUSALS.has(error.code)) throw error
    if (watched.changes.length > before)
      throw new Violation(`${who} refused with ${error.code}, and changed: ${watched.changes.join(', ')}`)
    return { refused: error.code, lastSeq: 0, setAside: 0 }
  }
}

async function written(
  watched: WatchedFiles,
  environment: Environment,
  store: DamagedStore,
): Promise<Verdict> {
  if (watched.changes.length > 0) throw new Violation(`a reader changed: ${watched.changes.join(', ')}`)
  const verdict = await answer('open', watched, async () => {
    const opened = await openLedger(environment)
    const { appliedSeq: lastSeq, report } = opened
    assertState(opened.state, lastSeq, store)
    await assertCommands(opened, lastSeq, store)
    await opened.close()
    return { lastSeq, setAside: report.setAside.length }
  })
  if (verdict.refused !== undefined) return verdict
  await watched.closing(async () => {
    const again = await openLedger(environment).catch((error: unknown) => {
      throw new Violation(`opened and closed, it cannot be opened again: ${String(error)}`)
    })
    assertState(again.state, verdict.lastSeq, store)
    await again.execute('put', { key: 'one', value: 1 })
    await again.close()
  })
  return verdict
}

function assertState(state: unknown, seq: number, { states }: DamagedStore): void {
  if (!isDeepStrictEqual(state, states[seq]))
    throw new Violation(`a state that never was, at sequence ${seq}`)
}

/** Those that a snapshot covers may be damaged: then reading them says so. None is ever another. */
async function assertCommands(
  opened: Awaited<ReturnType<typeof openLedger>>,
  lastSeq: number,
  { commands }: DamagedStore,
): Promise<void> {
  let next = opened.stats().log.firstSeq
  if (next > lastSeq) return
  try {
    for await (const { seq, name, argument } of opened.changes({ from: next })) {
      if (seq !== next++) throw new Violation(`command ${seq} where ${next - 1} belongs`)
      if (!isDeepStrictEqual([name, argument], commands[seq - 1]))
        throw new Violation(`command ${seq} is another one`)
      if (seq === lastSeq) return
    }
  } catch (error) {
    if (!isHoldfastError(error) || !REFUSALS.has(error.code)) throw error
  }
}

function openLedger(environment: Environment) {
  return open(STORE, ledger, { environment, ...OPTIONS })
}
