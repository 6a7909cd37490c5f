import { type ErrorCode, HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { SetAsideSnapshot } from '@holdfast/recovery'
import { type SnapshotPace, stateDigestWhile } from '@holdfast/snapshot'
import type { Machine } from './machine.ts'
import type { ReadSettings } from './open-options.ts'
import type { ReplayLimit } from './replay.ts'
import { contentOf } from './snapshot-content.ts'
import { StoreReader } from './store-reader.ts'

/** A store that is folded beside its writer: read from its files, without a lock. */
export interface FoldSource<State extends object> {
  readonly path: string
  readonly machine: Machine<State>
  readonly settings: ReadSettings
  /** How digests share the event loop. */
  readonly pace: SnapshotPace
}

/** How far. What lies before it must be durable, and stay. */
export interface FoldEnd {
  readonly seq: number
  /** Outcomes that the durable log may not say yet, as a note has them; empty where there are none. */
  readonly outcomes: Uint8Array
}

const NO_OUTCOMES = new Uint8Array(0)

/** What a fold made, and of what. */
export interface Folded<State extends object> {
  readonly state: State
  /** The sequence of the snapshot that it began with; 0 for none. */
  readonly fromSeq: number
  /** Newer ones that could not be used. */
  readonly damaged: readonly DamagedSnapshot[]
}

const DAMAGE: readonly ErrorCode[] = ['CORRUPT', 'SNAPSHOT_CORRUPT', 'GAP']

/** Whether a fold has failed over files that can no longer be read: a restart would say the same. */
export function isDamage(error: unknown): error is HoldfastError {
  // A disk that gives none of the snapshots leaves as little to read.
  return isHoldfastError(error) && (DAMAGE.includes(error.code) || error.details?.['setAside'] !== undefined)
}

/** A snapshot that cannot be used, as a thread tells of it. */
export interface DamagedSnapshot {
  readonly id: number
  readonly seq: number
  readonly path: string
  readonly reason: string
}

/** The state after a sequence, out of the newest snapshot before it that can be used, and the log. */
export async function fold<State extends object>(
  { path, machine, settings }: FoldSource<State>,
  end: FoldEnd,
): Promise<Folded<State>> {
  const limit: ReplayLimit = end
  const reader = new StoreReader<State>(path, machine, settings, limit)
  await reader.load()
  const { appliedSeq, state } = reader.replay
  if (appliedSeq !== end.seq) {
    throw new HoldfastError('SNAPSHOT_FAILED', `what was read goes up to sequence ${appliedSeq}`, {
      path,
      seq: end.seq,
    })
  }
  const { snapshot, setAside } = reader.plan
  return { state, fromSeq: snapshot?.seq ?? 0, damaged: setAside.map(damagedOf) }
}

/**
 * Folds the store once more, and compares digests. Gives the snapshots that could not be used. Throws `DIVERGED`, with the first sequence after which two
 * replays of the log differ; without one where they agree, and only the state that `digest` is of differs.
 */
export async function verifyByReplay<State extends object>(
  source: FoldSource<State>,
  end: FoldEnd,
  digest: string,
): Promise<readonly DamagedSnapshot[]> {
  const { digest: replayed, fromSeq, damaged } = await digestAt(source, end)
  if (replayed === digest) return damaged
  const seq = await firstDivergence(source, fromSeq, end)
  throw diverged(source.path, fromSeq, end.seq, seq)
}

/**
 * The first sequence after which two replays from one snapshot differ, found by bisection: two replays for each step,
 * one step for each doubling of the distance. `undefined` where they do not differ at the end.
 */
async function firstDivergence<State extends object>(
  source: FoldSource<State>,
  fromSeq: number,
  end: FoldEnd,
): Promise<number | undefined> {
  const differ = async (at: FoldEnd): Promise<boolean> => {
    const one = await digestAt(source, at)
    return one.digest !== (await digestAt(source, at)).digest
  }
  if (!(await differ(end))) return undefined
  let [same, other] = [fromSeq, end.seq]
  while (other - same > 1) {
    const seq = same + Math.floor((other - same) / 2)
    if (await differ({ seq, outcomes: NO_OUTCOMES })) other = seq
    else same = seq
  }
  return other
}

/** Nothing holds on to the state when it returns: the next fold makes another one. */
async function digestAt<State extends object>(
  source: FoldSource<State>,
  end: FoldEnd,
): Promise<Omit<Folded<State>, 'state'> & { readonly digest: string }> {
  const { machine, settings, pace } = source
  const { state, fromSeq, damaged } = await fold(source, end)
  const { codec, environment } = settings
  const digest = await stateDigestWhile(contentOf(machine, state), codec, environment, pace)
  return { digest, fromSeq, damaged }
}

function damagedOf({ id, seq, path, error }: SetAsideSnapshot): DamagedSnapshot {
  return { id, seq, path, reason: error.message }
}

function diverged(path: string, fromSeq: number, throughSeq: number, seq: number | undefined): HoldfastError {
  const details = { fromSeq, throughSeq }
  if (seq === undefined) {
    return new HoldfastError(
      'DIVERGED',
      `the state is not what a replay of the sequences after ${fromSeq} makes, though two replays agree`,
      {
        path,
        details,
        hint: 'Nothing was published; the snapshots before count. Something other than a command has changed the state, or `apply` depends on what only this process has: find it with `checkMachine`. What a restart brings back is the replay.',
      },
    )
  }
  return new HoldfastError('DIVERGED', 'two replays of the log differ from this command on', {
    path,
    seq,
    details,
    hint: 'Nothing was published; the snapshots before count. `apply` depends on something besides state, command and context (time, chance, the order of something): find it with `checkMachine`.',
  })
}
