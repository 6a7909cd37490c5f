import type { Codec } from '@holdfast/codec'
import type { Batch, Log } from '@holdfast/wal'
import type { FeedRange, FeedSource } from './change-feed.ts'
import type { LoggedCommand } from './commands.ts'
import type { LiveMachine } from './live-machine.ts'
import { decodeCommands } from './decode-commands.ts'
import type { Waiter } from './waiter.ts'

/** The feed of an open store: the durable log, and what the machine knows of its end. */
export function liveFeed<State extends object>(
  live: LiveMachine<State>,
  log: Log<LoggedCommand, Waiter>,
  codecs: ReadonlyMap<string, Codec<unknown>>,
  maxPinnedBytes: number | undefined,
): FeedSource {
  return {
    async *items({ from, signal }: FeedRange): AsyncGenerator<Batch, void, undefined> {
      yield* log.batches({
        after: from - 1,
        follow: true,
        owner: 'a change feed',
        maxPinnedBytes,
        ...(signal === undefined ? {} : { signal }),
      })
      if (live.failure !== undefined && signal?.aborted !== true) throw live.failure
    },
    decode: (batch) => decodeCommands(batch, codecs),
    applied: (seq) => live.reached(seq),
    refusedIn: (firstSeq, lastSeq) => live.ledger.refusedIn(firstSeq, lastSeq),
  }
}
