// The process that is killed: it opens the store, sees how far it is, and goes on from there.
//   node child.ts <directory> <seed>
import { open } from 'holdfast'
import type cities from './machine.ts'
import { type Opened, openedBy } from './opened.ts'
import { type Bulletin, lastSeqOf, workload } from './workload.ts'

export type Doing = 'recovering' | 'loading' | 'changing cities' | 'taking a snapshot' | 'idle'

/** What the parent hears, over the channel that `fork` makes. */
export type Message =
  /** What it does from now on. */
  | { readonly type: 'doing'; readonly doing: Doing }
  | ({ readonly type: 'opened' } & Opened)
  /** Everything up to this sequence is acknowledged. */
  | { readonly type: 'acknowledged'; readonly seq: number }
  | { readonly type: 'failed'; readonly reason: string }

/** Bulletins under way at a time: those that wait together are written together. */
const BULLETINS_AT_ONCE = 64

type CityStore = Awaited<ReturnType<typeof openStore>>

function openStore(directory: string) {
  // By its URL: a thread imports it, too, and writes the snapshot while commands go on.
  return open<typeof cities>(directory, new URL('machine.ts', import.meta.url), {
    // Small, so that there are several. The defaults would do.
    segmentBytes: 4 * 1024 * 1024,
  })
}

async function run(directory: string, seed: number): Promise<void> {
  const { load, bulletins, snapshotAt } = workload(seed)
  doing('recovering')
  const store = await openStore(directory)
  tell({ type: 'opened', ...openedBy(store) })

  // Every command takes one sequence, so the store itself says where to go on.
  const begin = store.appliedSeq
  doing('loading')
  await store.executeEach(load.slice(begin), {
    onProgress: ({ settled }) => acknowledged(begin + settled),
  })

  const left = bulletins.filter(({ firstSeq }) => firstSeq > store.appliedSeq)
  const early = left.filter(({ firstSeq }) => firstSeq <= snapshotAt)
  const late = left.slice(early.length)
  doing('changing cities')
  await publish(store, early)
  if (store.stats().snapshots.kept.length === 0) {
    doing('taking a snapshot')
    await store.snapshot()
    doing('changing cities')
  }
  await publish(store, late)
  // Not closed: the end comes from outside. An open store keeps no process alive; the parent's channel does.
  process.channel?.ref()
  doing('idle')
}

/** One `executeAll` each. Mistakes in them are refused one by one, which is no reason to stop. */
async function publish(store: CityStore, bulletins: readonly Bulletin[]): Promise<void> {
  for (let at = 0; at < bulletins.length; at += BULLETINS_AT_ONCE) {
    await Promise.all(
      bulletins.slice(at, at + BULLETINS_AT_ONCE).map(async (bulletin) => {
        await store.executeAll(bulletin.commands)
        acknowledged(lastSeqOf(bulletin))
      }),
    )
  }
}

function acknowledged(seq: number): void {
  tell({ type: 'acknowledged', seq })
}

function doing(what: Doing): void {
  tell({ type: 'doing', doing: what })
}

function tell(message: Message): void {
  process.send?.(message)
}

const [directory, seed] = process.argv.slice(2)
if (directory === undefined || seed === undefined) throw new Error('usage: child.ts <directory> <seed>')
run(directory, Number(seed)).catch((error: unknown) => {
  tell({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.disconnect()
})
