import { bytesCodec } from '@holdfast/codec'
import { type Environment, replaceFile } from '@holdfast/environment'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { hasMore } from './has-more.ts'
import { type Harness, openHarness, STORE, text, turns } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

const SEGMENT_BYTES = 64 * 1024

/** What a reader that wants nothing before `after` has found. */
async function passed(
  environment: Environment,
  after: number,
): Promise<{ directory: StoreDirectory; plan: LogPlan }> {
  const directory = await StoreDirectory.openForReading(STORE, environment)
  const scan = new LogDirectory(directory, bytesCodec).scan({ after })
  for await (const _ of scan) continue
  return { directory, plan: scan.plan }
}

async function open(environment: Environment): Promise<Harness> {
  return openHarness(environment, { segmentBytes: SEGMENT_BYTES })
}

describe('hasMore', () => {
  it('says so of a batch and of a segment that came since, and not of nothing', async () => {
    const environment = memoryEnvironment()
    const store = await open(environment)
    await store.append(text(1, 100))
    // The segment's name and the manifest follow in the background.
    await turns(20)
    const { directory, plan } = await passed(environment, 0)
    expect(await hasMore(directory, plan)).toBe(false)
    await store.append(text(2, 100))
    expect(await hasMore(directory, plan)).toBe(true)
    await store.close()
    const behind = await passed(environment, 2)
    expect(await hasMore(behind.directory, behind.plan)).toBe(false)
    const again = await open(environment)
    await again.append(text(3, 100))
    expect(await hasMore(behind.directory, behind.plan)).toBe(true)
    await again.close()
  })

  it('looks for nothing in a segment whose end the manifest names, shorter though its file may be by now', async () => {
    const environment = memoryEnvironment()
    const store = await open(environment)
    await store.append(text(1, 100))
    await store.close()
    // As it is when it is saved for another reason while the last segment is being sealed.
    const manifest = (await readManifest(environment, STORE)) as Manifest
    const segments = manifest.segments.map((segment) => ({ ...segment, bytes: SEGMENT_BYTES }))
    await replaceFile(environment, `${STORE}/MANIFEST`, encodeManifest({ ...manifest, segments }, 7))
    const { directory, plan } = await passed(environment, 1)
    expect(plan.segments).toMatchObject([{ lastSeq: 1, read: false }])
    expect(await hasMore(directory, plan)).toBe(false)
  })
})
