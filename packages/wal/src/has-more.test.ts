import { bytesCodec } from '@holdfast/codec'
import { type Environment, replaceFile } from '@holdfast/environment'
import { ManualTimers, memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { edit, reframe } from './crashed-log.fixture.ts'
import { encodeFooter, encodeMark } from './format.ts'
import { hasMore } from './has-more.ts'
import { faultyMemory, type Harness, openHarness, STORE, text, turns } from './log-harness.fixture.ts'
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

  it('says so of a mark that proves more than was known, and of no other', async () => {
    const environment = memoryEnvironment()
    const timers = new ManualTimers(environment.clock)
    const store = await open({ ...environment, timers })
    await store.append(text(1, 100))
    await turns(20)
    const before = await passed(environment, 0)
    timers.advance(50)
    await turns(20)
    expect(await hasMore(before.directory, before.plan)).toBe(true)
    const { directory, plan } = await passed(environment, 0)
    expect(await hasMore(directory, plan)).toBe(false)

    const path = plan.segments[0]?.path as string
    const salt = plan.segments[0]?.salt as number
    const behind = (plan.segments[0]?.countedBytes as number) + 40
    const mark = encodeMark({ durableSeq: 1, time: plan.lastTime, note: undefined }, salt)
    edit(environment.files, path, (bytes) => void mark.copy(bytes, behind))
    expect(await hasMore(directory, plan)).toBe(false)
    // A footer ends the segment, and the manifest will say so.
    const footer = encodeFooter({ lastSeq: 1, count: 1, digest: 0, index: [] }, salt)
    edit(environment.files, path, (bytes) => void footer.copy(bytes, behind + 40))
    expect(await hasMore(directory, plan)).toBe(false)
    // With fields that cannot be: that this is damage, only a pass can say.
    edit(environment.files, path, (bytes) => reframe(bytes, behind, salt, (payload) => payload.subarray(8)))
    expect(await hasMore(directory, plan)).toBe(true)
    await store.close()
  })

  it('says so of a segment that has another name by now, or was trimmed', async () => {
    const environment = memoryEnvironment()
    const store = await open(environment)
    await store.append(text(1, 100))
    await turns(20)
    const { directory, plan } = await passed(environment, 0)
    // The manifest is as it was: this is what a reader sees between the one and the other.
    await environment.files.unlink(plan.segments[0]?.path as string)
    expect(await hasMore(directory, plan)).toBe(true)
    await store.close()
  })

  it.each(['open', 'size', 'read'] as const)(
    'takes a failed %s for an error, not for nothing',
    async (call) => {
      const environment = faultyMemory()
      const store = await open(environment)
      await store.append(text(1, 100))
      await turns(20)
      const { directory, plan } = await passed(environment, 0)
      environment.files.fail({ on: call, path: /\.wal/, fault: { errno: 'EIO' } })
      await expect(hasMore(directory, plan)).rejects.toMatchObject({
        code: 'IO_ERROR',
        path: plan.segments[0]?.path,
      })
      expect(await hasMore(directory, plan)).toBe(false)
      await store.close()
      expect(environment.files.openFiles).toBe(0)
    },
  )

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
