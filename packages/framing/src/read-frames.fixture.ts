import type { FrameResult } from './frame.ts'
import { FrameReader, type FrameReaderOptions } from './frame-reader.ts'
import type { NaiveResult } from './naive.fixture.ts'
import type { ByteSource } from './source-window.ts'

/** A result with its payload copied out as text, so that it can be kept and compared. */
export function kept(result: FrameResult): NaiveResult {
  if (result.type !== 'frame') return result
  const { headerChecksum: _, ...rest } = result
  return { ...rest, payload: result.payload.toString('hex') }
}

/** Everything up to the first fault or the end, which is the last of what is returned. */
export async function readFrames(source: ByteSource, options: FrameReaderOptions): Promise<NaiveResult[]> {
  const reader = new FrameReader(source, options)
  const results: NaiveResult[] = []
  for (;;) {
    const result = kept(await reader.next())
    results.push(result)
    if (result.type !== 'frame') return results
  }
}
