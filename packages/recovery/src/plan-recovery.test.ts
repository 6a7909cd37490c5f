import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { Wal } from '@holdfast/wal'
import { describe, expect, it } from 'vitest'
import { formatPlan } from './format-plan.ts'
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
    expect(formatPlan(found)).toMatch(/^Must not be opened: CORRUPT: /)
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
    expect(formatPlan(found)).toContain('Torn tail: ')
  })

  it('throws where there is no store', async () => {
    await expect(plan(new MemoryFileSystem())).rejects.toThrow(
      expect.objectContaining({ code: 'NO_STORE' }) as Error,
    )
  })
})

describe('formatPlan', () => {
  it('puts a plan in words', async () => {
    const text = formatPlan(await plan(await killed(200)))
    expect(text.split('\n').slice(0, 4)).toEqual([
      'Opens with everything up to sequence 200.',
      'Snapshot: none is used; the log is replayed from sequence 1.',
      expect.stringMatching(/^Replay: 200 records in 200 batches from sequence 1 on, /),
      expect.stringMatching(/^Log: sequences 1 to 200; durable at least to 199 \(.*\)\.$/),
    ])
    expect(text).toContain('Survivors: 200 to 200 are readable')
  })
})
