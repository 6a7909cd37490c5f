import {
  faultyEnvironment,
  ManualTimers,
  openDescriptors,
  temporaryDirectory,
} from '@holdfast/testing/environment'
import { nodeEnvironment } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import {
  deferred,
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  text,
  turns,
} from './log-harness.fixture.ts'

const SEGMENT = /\.wal/
const MANIFEST = /MANIFEST/

describe('a sync or a write that fails', () => {
  it('moves every unsynced batch, os ones included, in order, to a new segment, and acknowledges only then', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    await store.append('a')
    await store.append('b', 'os')
    await store.append('c', 'os')
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno: 'EIO' } })
    expect(await store.append('d')).toBe(4)
    expect(store.moves).toHaveLength(1)
    expect(store.moves[0]?.error).toMatchObject({ code: 'IO_ERROR', outcome: 'unknown' })
    expect(store.log.durableSeq).toBe(4)
    expect(store.events.indexOf('durable 4')).toBeLessThan(store.events.indexOf('committed 4-4'))
    expect(await readAll(store.log)).toEqual(['1:a', '2:b', '3:c', '4:d'])
    // Durable before it is said: the store as it is on disk at this moment.
    const { records, plan } = await recovered(environment.memory)
    expect(records).toEqual(['1:a', '2:b', '3:c', '4:d'])
    expect(plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 1],
      [2, 4],
    ])
    expect(plan.provenSeq).toBe(4)
    // The old segment is written to no more, and the failed sync not tried again.
    const failed = environment.files.log.findIndex(({ result }) => result === 'EIO')
    const later = environment.files.log
      .slice(failed + 1)
      .filter(({ path }) => path === environment.files.log[failed]?.path)
    expect(later.map(({ call }) => call)).toEqual(['close'])
    expect(await store.append('e')).toBe(5)
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(5)
  })

  it('in the background is not tried again: all that was not synced goes to a new segment, in order', async () => {
    const environment = faultyMemory()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers }, { syncIntervalMs: 77 })
    await store.append('a')
    await store.append('b', 'os')
    await store.append('c', 'os')
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno: 'EIO' } })
    timers.advance(77)
    await turns()
    expect(store.moves).toMatchObject([{ error: { code: 'IO_ERROR', outcome: 'unknown' } }])
    expect(store.log.durableSeq).toBe(3)
    const { records, plan } = await recovered(environment.memory)
    expect(records).toEqual(['1:a', '2:b', '3:c'])
    expect(plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 1],
      [2, 3],
    ])
    // A sync that works now would say nothing of the pages that the failed one has dropped.
    const failed = environment.files.log.findIndex(({ result }) => result === 'EIO')
    const later = environment.files.log
      .slice(failed + 1)
      .filter(({ path }) => path === environment.files.log[failed]?.path)
    expect(later.map(({ call }) => call)).toEqual(['close'])
    await store.close()
  })

  it('for want of room, in a sync, is a failed sync: what it was for is written again', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    await store.append('a')
    await store.append('b', 'os')
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno: 'ENOSPC' } })
    expect(await store.append('c')).toBe(3)
    expect(store.moves).toHaveLength(1)
    expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b', '3:c'])
    await store.close()
  })

  it.each(['write', 'writeThrough', 'sync'] as const)(
    'of a single %s: nothing is lost, whatever the level',
    async (call) => {
      for (const level of ['disk', 'os'] as const) {
        const environment = faultyMemory()
        const store = await openHarness(environment, { syncIntervalMs: 60_000 })
        await store.append('a')
        environment.files.fail({ on: call, path: SEGMENT, fault: { errno: 'EIO' } })
        await store.append('b', level)
        await store.append('c', 'os')
        await store.log.sync()
        expect(await readAll(store.log)).toEqual(['1:a', '2:b', '3:c'])
        await store.close()
        expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b', '3:c'])
      }
    },
  )

  it('keeps bytes of the broken segment void, even those that were written whole', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'EIO', made: true } })
    expect(await store.append('b')).toBe(2)
    await store.append('c')
    await store.close()
    const { records, plan } = await recovered(environment.memory)
    expect(records).toEqual(['1:a', '2:b', '3:c'])
    expect(plan.segments[0]).toMatchObject({ firstSeq: 1, lastSeq: 1 })
  })

  it('releases every descriptor of a log that failed in the middle of a move', async () => {
    const directory = await temporaryDirectory()
    for (const call of ['rename', 'syncDirectory', 'open', 'close'] as const) {
      const environment = faultyEnvironment(nodeEnvironment)
      const store = await openHarness(environment, {}, `${directory.path}/${call}`)
      await store.append('a')
      environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'EIO' } })
      environment.files.fail({ on: call, times: Infinity, fault: { errno: 'EIO' } })
      await store.append('b').catch(() => {})
      await store.close().catch(() => {})
      expect([undefined, []]).toContainEqual(await openDescriptors(directory.path))
      environment.files.clearRules()
      const again = await openHarness(environment, {}, `${directory.path}/${call}`)
      expect((await readAll(again.log))[0]).toBe('1:a')
      await again.close()
    }
    await directory.remove()
  })

  it('releases the old segment when the manifest cannot be written after a move', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'EIO' } })
    environment.files.fail({ on: 'rename', path: MANIFEST, times: Infinity, fault: { errno: 'EIO' } })
    await expect(store.append('b')).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await store.close()
    expect(environment.files.openFiles).toBe(0)
    // Published, though the manifest does not name it: it counts.
    environment.files.clearRules()
    expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b'])
  })

  it('in the very first append leaves a log that works', async () => {
    for (const call of ['open', 'write', 'sync', 'writeThrough', 'syncDirectory'] as const) {
      const environment = faultyMemory()
      const store = await openHarness(environment)
      environment.files.fail({ on: call, path: /wal/, fault: { errno: 'EIO' } })
      expect(await store.append('a')).toBe(1)
      expect(store.moves).toHaveLength(1)
      await store.close()
      const after = await recovered(environment.memory)
      expect(after.records).toEqual(['1:a'])
      expect(segmentsOf(after.files)).toHaveLength(1)
    }
  })

  it('in a rotation moves nothing needlessly and loses nothing', async () => {
    for (const call of [
      'open',
      'write',
      'sync',
      'writeThrough',
      'syncDirectory',
      'rename',
      'truncate',
      'close',
    ] as const) {
      for (let nth = 1; nth <= 12; nth++) {
        const environment = faultyMemory()
        const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
        await store.append(text(1, 1500))
        environment.files.fail({ on: call, nth, fault: { errno: 'EIO' } })
        const expected = [`1:${text(1, 1500)}`]
        for (let i = 2; i <= 8; i++) {
          await store.append(text(i, 1500), i % 2 ? 'os' : 'disk')
          expected.push(`${i}:${text(i, 1500)}`)
        }
        await store.close().catch(() => {})
        expect(environment.files.openFiles).toBe(0)
        const after = await recovered(environment.memory, { segmentBytes: 4096 })
        expect(after.records, `${call} ${nth}`).toEqual(expected)
      }
    }
  })

  it('in a rotation that has synced the old segment moves what that sync covered no second time', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
    await store.append('a', 'os')
    environment.files.fail({ on: 'write', path: SEGMENT, fault: { errno: 'EIO' } })
    expect(await store.append(text(2, 4000))).toBe(2)
    expect(store.moves).toHaveLength(1)
    expect((await recovered(environment.memory)).records).toEqual(['1:a', `2:${text(2, 4000)}`])
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(2)
  })

  it('of a header that reached the disk all the same ends nothing that is appended later', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    await store.append(text(1, 3000))
    // The header of the next segment is written, and said not to have fitted.
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'ENOSPC', made: true } })
    await expect(store.append(text(2, 3000))).rejects.toMatchObject({
      code: 'NO_SPACE',
      outcome: 'not-written',
    })
    // A smaller one still fits into the segment that the new header would have ended.
    expect(await store.append('small')).toBe(2)
    expect((await recovered(environment.memory)).records).toEqual([`1:${text(1, 3000)}`, '2:small'])
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(2)
  })

  it('of the manifest leaves a prepared segment there that an earlier manifest may name', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    const behind = deferred<void>()
    // It is read to name segment 1, and again before that is used. The next manifest follows behind it, and
    // will say what is known once it has been read.
    environment.files.fail({ on: 'open', path: /MANIFEST$/, nth: 3, fault: { hang: behind.promise } })
    // The third would be that of the segment that is prepared meanwhile.
    environment.files.fail({ on: 'open', path: /MANIFEST\..*tmp/, nth: 3, fault: { errno: 'ENOSPC' } })
    await store.append(text(1, 3000))
    await turns()
    behind.resolve()
    await turns()
    expect((await recovered(environment.memory)).records).toEqual([`1:${text(1, 3000)}`])
    await store.append(text(2, 3000))
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(2)
    expect(segmentsOf(environment.memory)).toHaveLength(2)
  })
})

describe('a short write', () => {
  it('goes on where it stopped', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    environment.files.fail({
      on: ['write', 'writeThrough'],
      path: SEGMENT,
      times: Infinity,
      fault: { shortBytes: 37 },
    })
    for (let i = 1; i <= 4; i++) await store.append(text(i, 300), i % 2 ? 'os' : 'disk')
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(4)
  })

  it('that makes no progress is a disk that is full', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    environment.files.fail({ on: ['writeThrough'], path: SEGMENT, fault: { shortBytes: 0 } })
    await expect(store.append('b')).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-written' })
    expect(await store.append('c')).toBe(2)
    await store.close()
  })
})
