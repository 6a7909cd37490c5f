import { nodeEnvironment } from '@holdfast/environment'
import { smallDisk } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
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

describe('a disk that is full', () => {
  it.each(['disk', 'os'] as const)(
    'refuses a batch at level %s with NO_SPACE, nothing of it is on disk, and the log works again',
    async (level) => {
      const environment = faultyMemory()
      const store = await openHarness(environment, { syncIntervalMs: 60_000 })
      await store.append('a')
      await store.append('b', level)
      await turns()
      const before = environment.memory.snapshot()
      // A part of it is taken before the disk is full.
      environment.files.fail({ on: ['write', 'writeThrough'], path: SEGMENT, fault: { shortBytes: 21 } })
      environment.files.fail({
        on: ['write', 'writeThrough'],
        path: SEGMENT,
        nth: 2,
        fault: { errno: 'ENOSPC' },
      })
      environment.files.clearLog()
      await expect(store.append('refused', level)).rejects.toMatchObject({
        code: 'NO_SPACE',
        outcome: 'not-written',
      })
      expect(environment.files.log.map(({ call }) => call)).toEqual([
        ...Array.from({ length: 2 }, () => (level === 'disk' ? 'writeThrough' : 'write')),
        'size',
        'write',
        'sync',
      ])
      expect(environment.memory.snapshot()).toEqual(before)
      expect(await store.append('c', level)).toBe(3)
      await store.close()
      expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b', '3:c'])
    },
  )

  it('gives back what a batch had taken that was to extend the file by itself', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    await turns()
    const before = environment.memory.snapshot()
    const [path] = segmentsOf(environment.memory) as [string]
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { shortBytes: 150_000 } })
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, nth: 2, fault: { errno: 'ENOSPC' } })
    await expect(store.append('x'.repeat(200_000))).rejects.toMatchObject({
      code: 'NO_SPACE',
      outcome: 'not-written',
    })
    expect(environment.memory.snapshot().get(path)).toEqual(before.get(path))
    expect(await store.append('b')).toBe(2)
    await store.close()
    expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b'])
  })

  it('is no failure where space is taken ahead: the batch that needs it is refused, and works later', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 1024 * 1024 })
    await store.append('a')
    await turns()
    environment.files.fail({
      on: 'writeThrough',
      path: SEGMENT,
      // The batch that leaves little room goes in; what is to be taken behind it does not.
      nth: 2,
      times: Infinity,
      fault: { errno: 'ENOSPC' },
    })
    expect(await store.append('b'.repeat(40_000))).toBe(2)
    await turns()
    await expect(store.append('c'.repeat(40_000))).rejects.toMatchObject({ code: 'NO_SPACE' })
    environment.files.clearRules()
    expect(await store.append('c'.repeat(40_000))).toBe(3)
    expect(store.moves).toEqual([])
    expect(store.warnings).toEqual([])
    await store.close()
    expect((await recovered(environment.memory)).records).toHaveLength(3)
  })

  it('refuses a batch whose segment was being prepared and could not be, and the next one tries again', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    const making = deferred()
    environment.files.fail({ on: 'open', path: SEGMENT, nth: 2, fault: { hang: making.promise } })
    await store.append(text(1, 3000))
    await turns()
    const waiting = store.append(text(2, 3000))
    await turns()
    making.reject(Object.assign(new Error('no room'), { code: 'ENOSPC' }))
    await expect(waiting).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-written' })
    expect(await store.append(text(2, 3000))).toBe(2)
    await store.close()
    const after = await recovered(environment.memory)
    expect(after.records).toHaveLength(2)
    expect(segmentsOf(after.files)).toHaveLength(2)
  })

  it('fails the log when what was written of a refused batch cannot be taken back', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    environment.files.fail({
      on: 'writeThrough',
      path: SEGMENT,
      nth: 1,
      fault: { errno: 'ENOSPC', made: true },
    })
    environment.files.fail({ on: ['sync'], path: SEGMENT, times: Infinity, fault: { errno: 'EIO' } })
    await expect(store.append('b')).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await store.close()
  })

  it('refuses while it cannot rotate, and rotates when it can, with no file left behind', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900))
    await turns()
    await store.append(text(4, 900))
    await turns()
    const files = segmentsOf(environment.memory).length
    for (const rule of [
      { on: 'open' },
      { on: 'write' },
      { on: 'sync' },
      { on: 'syncDirectory' },
      { on: 'rename', path: /MANIFEST/ },
      { on: 'write', path: /MANIFEST/ },
    ] as const) {
      const active = environment.files.fail({
        path: /wal\/.*|wal$/,
        ...rule,
        times: Infinity,
        fault: { errno: 'ENOSPC' },
      })
      for (let i = 0; i < 3; i++) {
        await expect(store.append('x'.repeat(4000))).rejects.toMatchObject({
          code: 'NO_SPACE',
          outcome: 'not-written',
        })
        await turns()
      }
      active.remove()
      expect(segmentsOf(environment.memory).length).toBeLessThanOrEqual(files + 1)
    }
    expect(await store.append('x'.repeat(4000))).toBe(5)
    await store.close()
    const after = await recovered(environment.memory)
    expect(after.records).toHaveLength(5)
    expect(segmentsOf(after.files)).toHaveLength(after.plan.segments.length)
  })

  it('for real: a small disk fills up, refuses, has room again, and holds exactly what was acknowledged', async ({
    skip,
  }) => {
    const disk = await smallDisk(512 * 1024)
    if (disk === undefined) return skip('mounting a tmpfs needs root')
    try {
      const store = await openHarness(
        nodeEnvironment,
        { segmentBytes: 32 * 1024, syncIntervalMs: 60_000 },
        `${disk.path}/store`,
      )
      const acknowledged: number[] = []
      let refused = 0
      for (let i = 0; refused < 5; i++) {
        const result = await store
          .append(text(i, 3000), i % 2 ? 'os' : 'disk')
          .catch((error: unknown) => error)
        if (typeof result === 'number') acknowledged.push(result)
        else refused += 1
        expect([undefined, 'NO_SPACE']).toContain(codeOf(result))
      }
      expect(acknowledged.length).toBeGreaterThan(50)
      expect(store.failures).toEqual([])
      expect(await readAll(store.log)).toHaveLength(store.log.durableSeq)
      // Trimming needs room for a manifest: without any it says so, and can be tried again.
      const trim = await store.log.trim(store.log.durableSeq - 20).catch((error: unknown) => error)
      expect([undefined, 'NO_SPACE']).toContain(codeOf(trim))
      await store.close().catch(() => {})
    } finally {
      await disk.remove()
    }
  })
})
