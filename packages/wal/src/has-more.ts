import { errnoOf, ioError } from '@holdfast/environment'
import { FrameReader } from '@holdfast/framing'
import { decodeMark, KIND, SEGMENT_KINDS } from './format.ts'
import type { LogPlan } from './plan.ts'
import { readManifest, type StoreDirectory } from './store-directory.ts'

const WINDOW_BYTES = 4096

/**
 * Whether there may be more in a log than a pass over it has found: for a reader that looks again from
 * time to time, and would read a segment for nothing. It may say yes for nothing. A segment that has just
 * been begun shows a moment later, with the manifest that names it as begun.
 *
 * `directory` is the one of that pass, and has not been reloaded since.
 */
export async function hasMore(directory: StoreDirectory, plan: LogPlan): Promise<boolean> {
  const { environment, path } = directory
  const manifest = await readManifest(environment, path)
  if (JSON.stringify(manifest) !== JSON.stringify(directory.manifest)) return true
  const last = plan.segments.at(-1)
  // The first segment is named, with a new manifest, before it is used. So is the one behind a segment whose
  // end the manifest names; and how long its file is was true before it was cut behind its footer.
  if (last === undefined || !last.read) return false
  try {
    const file = await environment.files.open(last.path, 'read')
    try {
      const reader = new FrameReader(file, {
        seed: last.salt,
        start: last.countedBytes,
        end: await file.size(),
        kinds: SEGMENT_KINDS,
        windowBytes: WINDOW_BYTES,
      })
      for (;;) {
        const found = await reader.next()
        // Half a frame is not there yet.
        if (found.type !== 'frame') return false
        if (found.kind === KIND.batch) return true
        if (found.kind !== KIND.mark) continue
        // A mark that says more than was known: the last batches are durable, and what came of them. One with
        // fields that cannot be is damage, which the next pass tells.
        const mark = decodeMark(found.payload)
        if (mark === undefined || mark.durableSeq > plan.provenSeq) return true
      }
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return true
    throw ioError(cause, { doing: 'look behind the last batch', path: last.path })
  }
}
