import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { crashed, edit } from './crashed-log.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { faultyMemory, openHarness, STORE, text, turns } from './log-harness.fixture.ts'
import { StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

describe('a reader beside a writer', () => {
  it('sees a prefix of what was acknowledged, while the writer rotates and trims, and changes nothing', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 5; i++) await store.append(text(i, 900))
    let done = false
    let passes = 0
    const problems: string[] = []
    const reader = async (): Promise<void> => {
      while (!done) {
        // Every call of the reader gives the writer a turn.
        const files = faultyMemory(environment.memory)
        files.files.fail({
          on: ['open', 'read', 'list', 'size'],
          times: Infinity,
          fault: { before: () => turns(1) },
        })
        const directory = await StoreDirectory.openForReading(STORE, files)
        const durable = store.log.durableSeq
        const scan = new LogDirectory(directory, bytesCodec).scan({
          after: directory.manifest.trimmedThrough,
        })
        try {
          for await (const _ of scan) continue
          const refusal = scan.plan.refusal?.code
          if (refusal !== undefined && refusal !== 'GAP') problems.push(String(scan.plan.refusal))
          if (refusal === undefined && scan.plan.lastSeq < durable)
            problems.push(`${scan.plan.lastSeq} of ${durable}`)
        } catch (error) {
          if ((error as { code?: string }).code !== 'GAP') problems.push(String(error))
        }
        passes += 1
        await directory.close()
      }
    }
    const readers = [reader(), reader()]
    for (let i = 6; i <= 150; i++) {
      await store.append(text(i, i % 5 === 0 ? 2500 : 900))
      if (i % 13 === 0) await store.log.trim(i - 10)
      await turns(3)
    }
    done = true
    await Promise.all(readers)
    expect(problems).toEqual([])
    expect(passes).toBeGreaterThan(3)
    await store.close()
  })

  it('reads again what was half-written a moment ago', async () => {
    const { files, path, ends } = await crashed()
    const whole = files.snapshot().get(path) as Buffer
    const start = ends[2] as number
    edit(files, path, (bytes) => bytes.fill(0, start, start + 32))
    // The writer's bytes arrive between the two looks: evidence is there before what it is evidence of.
    const environment = faultyMemory(files)
    environment.files.fail({
      on: 'read',
      path: /\.wal/,
      nth: 5,
      fault: { before: () => edit(files, path, () => whole) },
    })
    const directory = await StoreDirectory.openForReading(STORE, environment)
    const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
    for await (const _ of scan) continue
    expect(scan.plan).toMatchObject({ refusal: undefined, lastSeq: 5, records: 5 })
    expect(scan.plan.segments).toHaveLength(1)
    await directory.close()
  })

  it('is told of a gap where the segment that it was about to read is trimmed', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 2; i++) await store.append(text(i, 900))
    await turns()
    const reading = faultyMemory(environment.memory)
    // It has looked at the header, and comes back for what is behind it.
    const before = async (): Promise<void> => {
      for (let i = 3; i <= 20; i++) await store.append(text(i, 900))
      await store.log.trim(12)
    }
    reading.files.fail({ on: 'open', path: /\.wal/, nth: 3, fault: { before } })
    const directory = await StoreDirectory.openForReading(STORE, reading)
    const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
    const pass = (async () => {
      for await (const _ of scan) continue
    })()
    const error = await pass.catch((refused: unknown) => refused)
    expect(error).toMatchObject({ code: 'GAP', requestedSeq: 1, firstSeq: store.log.firstSeq })
    expect(store.log.firstSeq).toBe(13)
    await store.close()
    expect(reading.files.openFiles).toBe(0)
  })

  it('is told of an error where it is gone, and nobody has trimmed it', async () => {
    const { files, path } = await crashed()
    const reading = faultyMemory(files)
    const before = (): Promise<void> => files.unlink(path)
    reading.files.fail({ on: 'open', path: /\.wal/, nth: 2, fault: { before } })
    const directory = await StoreDirectory.openForReading(STORE, reading)
    const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
    const pass = (async () => {
      for await (const _ of scan) continue
    })()
    await expect(pass).rejects.toMatchObject({ code: 'IO_ERROR', path, details: { errno: 'ENOENT' } })
  })

  it('where there is no store is NO_STORE, and nothing is made', async () => {
    const environment = memoryEnvironment()
    await environment.files.makeDirectory(STORE)
    await expect(StoreDirectory.openForReading(STORE, environment)).rejects.toMatchObject({
      code: 'NO_STORE',
    })
    expect(await environment.files.list(STORE)).toEqual([])
  })
})
