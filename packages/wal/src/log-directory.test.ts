import { bytesCodec } from '@holdfast/codec'
import { nodeEnvironment, type Environment } from '@holdfast/environment'
import { memoryEnvironment, temporaryDirectory } from '@holdfast/testing/environment'
import { logContract, type LogUnderTest, type LogWaiter } from '@holdfast/testing/contracts'
import { describe, expect, it } from 'vitest'
import type { Batch } from './log.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'
import { Wal } from './wal.ts'

function logIn(path: string, environment: Environment, dispose: () => Promise<void>): LogUnderTest {
  return {
    async open(consumer, { after = 0, ...options } = {}) {
      const directory = await StoreDirectory.openForWriting(path, environment)
      const store = new LogDirectory<Uint8Array, LogWaiter>(directory, bytesCodec, {
        segmentBytes: 4096,
        ...options,
      })
      const scan = store.scan({ after })
      const scanned: Batch[] = []
      for await (const found of scan)
        if ('firstSeq' in found) scanned.push({ ...found, records: found.records.slice() })
      const log = await store.open(scan.plan, consumer)
      const close = async (): Promise<void> => {
        await log.close()
        await directory.close()
      }
      return { log, plan: scan.plan, scanned, close }
    },
    dispose,
  }
}

logContract('LogDirectory on the disk', async () => {
  const directory = await temporaryDirectory()
  return logIn(`${directory.path}/store`, nodeEnvironment, directory.remove)
})

logContract('LogDirectory in memory', async () => logIn('/store', memoryEnvironment(), async () => {}))

describe('LogDirectory', () => {
  it.each([
    { segmentBytes: 100 },
    { segmentBytes: 2 ** 40 },
    { syncIntervalMs: 0 },
    { maxRecordBytes: 1.5 },
    { maxQueuedBytes: Number.NaN },
    { maxUnsyncedBytes: -1 },
    { machineVersion: 2 ** 32 },
  ])('refuses options that are out of range: %o', async (options) => {
    const directory = await StoreDirectory.openForWriting('/store', memoryEnvironment())
    expect(() => new LogDirectory(directory, bytesCodec, options)).toThrow(/INVALID_ARGUMENT/)
    await directory.close()
  })

  it.each(['', 'x'.repeat(65), 'ü'.repeat(33)])('refuses a codec with the id %j', async (id) => {
    const environment = memoryEnvironment()
    const directory = await StoreDirectory.openForWriting('/store', environment)
    expect(() => new LogDirectory(directory, { ...bytesCodec, id })).toThrow(/INVALID_ARGUMENT/)
    await directory.close()
    expect([...environment.files.snapshot().keys()]).toEqual([])
  })

  it.each(['x', 'ü'.repeat(32)])('records the id %j of its codec with every batch', async (id) => {
    const environment = memoryEnvironment()
    const wal = await Wal.open('/store', { environment, codec: { ...bytesCodec, id } })
    await wal.append(new Uint8Array(1))
    await wal.close()
    const directory = await StoreDirectory.openForReading('/store', environment)
    const codecs: string[] = []
    for await (const item of new LogDirectory(directory, bytesCodec).scan({ after: 0 }))
      if ('codec' in item) codecs.push(item.codec)
    expect(codecs).toEqual([id])
  })

  it('throws the refusal of its plan, and has changed nothing', async () => {
    const environment = memoryEnvironment()
    const directory = await StoreDirectory.openForWriting('/store', environment)
    const store = new LogDirectory<Uint8Array, LogWaiter>(directory, bytesCodec)
    const scan = store.scan({ after: 5 })
    for await (const _ of scan) continue
    const evident = store.scan({ after: 0, evidence: [{ seq: 3, source: 'a snapshot' }] })
    for await (const _ of evident) continue
    await expect(store.open(evident.plan, { committed() {}, rejected() {} })).rejects.toMatchObject({
      code: 'CORRUPT',
    })
    expect(directory.isNew).toBe(true)
    expect([...environment.files.snapshot().keys()]).toEqual([])
    await directory.close()
  })

  it('scans once', async () => {
    const directory = await StoreDirectory.openForWriting('/store', memoryEnvironment())
    const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
    for await (const _ of scan) continue
    await expect(scan[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await directory.close()
  })
})
