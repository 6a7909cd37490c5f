import { SnapshotDirectory } from '@holdfast/snapshot'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { StoreDirectory, Wal } from '@holdfast/wal'
import { describe, expect, it } from 'vitest'
import { planRecovery } from './plan-recovery.ts'

const record = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A log that was killed, and the bytes that it left. */
async function killed(count: number): Promise<MemoryFileSystem> {
  const environment = memoryEnvironment()
  const wal = await Wal.open('/store', { environment, segmentBytes: 4096 })
  for (let i = 0; i < count; i++) await wal.append(record(`record ${i}`))
  const files = MemoryFileSystem.of(environment.files.snapshot())
  await wal.close()
  return files
}

function plan(files: MemoryFileSystem) {
  return planRecovery('/store', { environment: memoryEnvironment(files) })
}

describe('planRecovery', () => {
  it('says what opening would bring back, and changes nothing', async () => {
    const files = await killed(200)
    const before = files.snapshot()
    const found = await plan(files)
    expect(found).toMatchObject({
      snapshot: undefined,
      lastSeq: 200,
      replay: { firstSeq: 1, records: 200, batches: 200 },
      log: { survivors: { firstSeq: 200, lastSeq: 200 } },
      refusal: undefined,
    })
    expect(files.snapshot()).toEqual(before)
  })

  it('has the refusal in it', async () => {
    const files = await killed(200)
    const [path, bytes] = [...files.snapshot()].find(([name]) => name.endsWith('0000000001.wal')) as [
      string,
      Buffer,
    ]
    bytes[600] = (bytes[600] as number) ^ 1
    files.put(path, bytes)
    const found = await plan(files)
    expect(found.refusal).toMatchObject({ code: 'CORRUPT', path })
  })

  it('accounts for a torn tail', async () => {
    const files = await killed(5)
    const [path, bytes] = [...files.snapshot()].find(([name]) => name.endsWith('.wal')) as [string, Buffer]
    const end = bytes.lastIndexOf('record 4')
    bytes[end] = 0
    files.put(path, bytes)
    const found = await plan(files)
    expect(found).toMatchObject({
      lastSeq: 4,
      refusal: undefined,
      log: { tail: { path, reason: 'payload-checksum' } },
    })
  })

  it('reads a snapshot to its end before it counts on it', async () => {
    const environment = memoryEnvironment(await killed(5))
    const { snapshotsPath, storeId } = await StoreDirectory.openForReading('/store', environment)
    const snapshots = await SnapshotDirectory.open(snapshotsPath, { environment, storeId })
    const writer = await snapshots.create({ seq: 3, time: 0, machineVersion: 1, epoch: 1 })
    await writer.writeAll(['a state'])
    const { path, digest } = await writer.close()
    await expect(planRecovery('/store', { environment })).resolves.toMatchObject({
      snapshot: { seq: 3, digest },
      setAside: [],
      replay: { firstSeq: 4, records: 2 },
    })

    const bytes = environment.files.snapshot().get(path) as Buffer
    bytes[bytes.lastIndexOf('a state')] = 0
    environment.files.put(path, bytes)
    await expect(planRecovery('/store', { environment })).resolves.toMatchObject({
      snapshot: undefined,
      setAside: [{ path, error: { code: 'SNAPSHOT_CORRUPT' } }],
      lastSeq: 5,
    })
  })

  it('throws where there is no store', async () => {
    await expect(plan(new MemoryFileSystem())).rejects.toThrow(
      expect.objectContaining({ code: 'NO_STORE' }) as Error,
    )
  })
})
