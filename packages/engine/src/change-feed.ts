import { HoldfastError } from '@holdfast/environment'
import type { Batch, Mark } from '@holdfast/wal'
import type { CommandTypes, LoggedCommand } from './commands.ts'
import { decodeOutcomes } from './outcomes.ts'

/** A command as the log has it, and what came of it. */
export interface Change<Name extends string = string, Argument = unknown> {
  readonly seq: number
  /** When its batch was written, in milliseconds since 1970. */
  readonly time: number
  readonly name: Name
  readonly argument: Argument
  /**
   * Whether `apply` refused it: then it has changed nothing. It is here all the same, so that sequences have
   * no gaps and a follower can tell a refusal from a loss.
   */
  readonly refused: boolean
}

/** The changes of a machine with these commands. */
export type ChangeOf<Types extends CommandTypes> = {
  [Name in keyof Types & string]: Change<Name, Types[Name]['argument']>
}[keyof Types & string]

/** Where a change feed begins and ends. */
export interface FeedRange {
  /** The first sequence wanted, from 1. One that is not there yet is waited for; one that is no longer there is a `GapError`. */
  readonly from: number
  /** Ends the feed: the iteration throws `ABORTED`. */
  readonly signal?: AbortSignal
}

/** The change feed of an open store. */
export interface ChangesOptions extends FeedRange {
  /**
   * So many bytes of the log may be kept from being trimmed for this feed alone, while it falls behind. From 0, which
   * keeps nothing for it. Default: 1 GiB. For more, and for what survives the feed, there is `pin`.
   */
  readonly maxPinnedBytes?: number
}

/** Throws `INVALID_ARGUMENT`. */
export function checkChanges(options: ChangesOptions): void {
  const given: unknown = options
  const from: unknown = typeof given === 'object' && given !== null ? options.from : given
  if (!Number.isSafeInteger(from) || (from as number) < 1) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `changes takes { from }, a sequence number from 1 on, not ${String(from)}`,
    )
  }
  const { maxPinnedBytes = 0 } = options
  if (!Number.isSafeInteger(maxPinnedBytes) || maxPinnedBytes < 0) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `maxPinnedBytes is a whole number from 0 on, not ${String(maxPinnedBytes)}`,
      { details: { option: 'maxPinnedBytes', value: maxPinnedBytes } },
    )
  }
}

/** What a feed needs to know of the store that it is of. */
export interface FeedSource {
  /** Batches in order, beginning with the one that holds `from`; marks may be among them. It ends when the feed does. */
  items(range: FeedRange): AsyncIterable<Batch | Mark>
  decode(batch: Batch): readonly LoggedCommand[]
  /** Settled once everything up to `seq` has been applied. */
  applied(seq: number): Promise<void>
  /** The refused among commands whose outcomes no batch of the log carries yet; `undefined` where the log knows. */
  refusedIn(firstSeq: number, lastSeq: number): readonly number[] | undefined
}

interface HeldBatch {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly time: number
  readonly commands: readonly LoggedCommand[]
  refused: readonly number[] | undefined
}

/**
 * Follows a log. What came of a command is recorded in a batch that comes later, or known to the store that
 * has just applied it: a batch is held back until one of them says so.
 */
export async function* changeFeed<Types extends CommandTypes>(
  source: FeedSource,
  range: FeedRange,
): AsyncGenerator<ChangeOf<Types>, void, undefined> {
  const { from, signal } = range
  const held: HeldBatch[] = []
  for await (const item of source.items(range)) {
    const outcomes = decodeOutcomes(item.note)
    for (const batch of held) {
      // A note covers whole batches: those that were applied when it was written.
      if (outcomes !== undefined && outcomes.from <= batch.firstSeq && outcomes.through >= batch.lastSeq) {
        batch.refused ??= outcomes.refused
      }
    }
    if ('records' in item) {
      const { firstSeq, lastSeq, time } = item
      const commands = source.decode(item)
      await source.applied(lastSeq)
      held.push({ firstSeq, lastSeq, time, commands, refused: source.refusedIn(firstSeq, lastSeq) })
    }
    while (held[0]?.refused !== undefined) yield* changesOf<Types>(held.shift() as HeldBatch, from)
    if (signal?.aborted) break
  }
  if (signal?.aborted)
    throw new HoldfastError('ABORTED', 'the change feed was aborted', { cause: signal.reason })
}

/** The log holds what the machine took: that is where the types come from. */
function* changesOf<Types extends CommandTypes>(
  batch: HeldBatch,
  from: number,
): Generator<ChangeOf<Types>, void, undefined> {
  const refused = new Set(batch.refused)
  for (let seq = Math.max(from, batch.firstSeq); seq <= batch.lastSeq; seq++) {
    const [name, argument] = batch.commands[seq - batch.firstSeq] as LoggedCommand
    const change: Change = { seq, time: batch.time, name, argument, refused: refused.has(seq) }
    yield change
  }
}
