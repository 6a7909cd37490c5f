import { ManualTimers, MemoryFileSystem, memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  faultyMemory,
  filesOf,
  type Harness,
  openHarness,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'

const SEGMENT = /\.wal/

describe('opening', () => {
  async function filled(): Promise<MemoryFileSystem> {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    for (let i = 1; i <= 8; i++) await store.append(text(i, 1500))
    await store.close()
    return environment.files
  }

  it('takes a read error for an error, never for an end of the file', async () => {
    const memory = await filled()
    const before = filesOf(memory)
    for (let nth = 1; nth <= 8; nth++) {
      const environment = faultyMemory(memory)
      const rule = environment.files.fail({ on: 'read', path: SEGMENT, nth, fault: { errno: 'EIO' } })
      await expect(openHarness(environment)).rejects.toMatchObject({
        code: 'IO_ERROR',
        message: expect.stringContaining('.wal') as unknown,
      })
      expect(rule.hits).toBe(1)
      expect(environment.files.openFiles).toBe(0)
      expect(filesOf(memory)).toEqual(before)
    }
  })

  it('is refused with IO_ERROR where a segment goes while it is being read', async () => {
    const memory = await filled()
    const environment = faultyMemory(memory)
    const path = segmentsOf(memory)[1] as string
    const before = (): Promise<void> => memory.unlink(path)
    environment.files.fail({ on: 'open', path: new RegExp(path), nth: 2, fault: { before } })
    await expect(openHarness(environment)).rejects.toMatchObject({
      code: 'IO_ERROR',
      path,
      details: { errno: 'ENOENT' },
    })
    expect(environment.files.openFiles).toBe(0)
  })

  it.each(['EMFILE', 'EACCES', 'EIO', 'ELOOP'])(
    'is refused with IO_ERROR on %s, leaks nothing, and works later',
    async (errno) => {
      const memory = await filled()
      for (const call of ['open', 'list', 'stat', 'size', 'read'] as const) {
        const environment = faultyMemory(memory)
        for (let nth = 1; ; nth++) {
          environment.files.clearRules()
          const rule = environment.files.fail({ on: call, path: /wal|MANIFEST/, nth, fault: { errno } })
          const result = await openHarness(environment).catch((error: unknown) => error)
          environment.files.clearRules()
          if (rule.hits === 0) {
            await (result as Harness).close()
            break
          }
          expect(result).toMatchObject({ code: 'IO_ERROR', details: { errno } })
          expect(environment.files.openFiles).toBe(0)
        }
      }
      expect((await recovered(memory)).records).toHaveLength(8)
    },
  )

  it('has a typed error for every single call that fails, and the next attempt succeeds', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    for (let i = 1; i <= 8; i++) await store.append(text(i, 1500))
    // Not closed: there are survivors, and a prepared segment.
    const crashed = environment.files.snapshot()
    for (const call of [
      'open',
      'read',
      'write',
      'writeThrough',
      'sync',
      'syncDirectory',
      'rename',
      'unlink',
      'list',
      'stat',
      'size',
      'close',
      'makeDirectory',
    ] as const) {
      for (let nth = 1; ; nth++) {
        const memory = MemoryFileSystem.of(crashed)
        const faulty = faultyMemory(memory)
        const rule = faulty.files.fail({ on: call, nth, fault: { errno: 'EIO' } })
        const result = await openHarness(faulty).catch((error: unknown) => error)
        faulty.files.clearRules()
        const error = result instanceof Error ? result : undefined
        if (error === undefined) await (result as Harness).close()
        expect([undefined, 'IO_ERROR'], `${call} ${nth}`).toContain(codeOf(error))
        expect(faulty.files.openFiles).toBe(0)
        if (rule.hits === 0) break
        expect((await recovered(memory)).records, `${call} ${nth}`).toHaveLength(8)
      }
    }
    await store.close()
  })

  it('makes a name durable that a dead writer gave, before the manifest says it', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment)
    await store.append('a')
    const faulty = faultyMemory(MemoryFileSystem.of(environment.files.snapshot()))
    const again = await openHarness(faulty)
    const calls = faulty.files.log.filter(
      ({ call, path, to }) =>
        (call === 'syncDirectory' && path === `${STORE}/wal`) || to === `${STORE}/MANIFEST`,
    )
    expect(calls.map(({ call }) => call)[0]).toBe('syncDirectory')
    await again.close()
    await store.close()
  })
})

describe('closing', () => {
  it('has a typed error, or a typed warning, for every single call that fails, and gives all back', async () => {
    for (const call of [
      'open',
      'read',
      'writeThrough',
      'write',
      'sync',
      'truncate',
      'rename',
      'close',
    ] as const) {
      for (let nth = 1; ; nth++) {
        const environment = faultyMemory()
        const store = await openHarness(environment)
        await store.append('a')
        const rule = environment.files.fail({ on: call, nth, fault: { errno: 'EIO' } })
        const error = await store.close().catch((cause: unknown) => cause)
        environment.files.clearRules()
        const told = [...(error === undefined ? [] : [error]), ...store.warnings, ...store.failures]
        for (const each of told) expect(['IO_ERROR', 'FAILED'], `${call} ${nth}`).toContain(codeOf(each))
        expect(environment.files.openFiles).toBe(0)
        if (rule.hits === 0) break
        expect((await recovered(environment.memory)).records, `${call} ${nth}`).toHaveLength(1)
      }
    }
  })

  it('does not let the mark of the idle timer run beside its own', async () => {
    const environment = faultyMemory()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers })
    await store.append('a')
    await turns()
    const before = async (): Promise<void> => {
      timers.advance(1000)
      await turns()
    }
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { before } })
    await store.close()
    const positions = environment.files.log
      .filter(
        ({ call, path, position = 0 }) => call === 'writeThrough' && SEGMENT.test(path) && position > 512,
      )
      .map(({ position }) => position)
    expect(new Set(positions).size).toBe(positions.length)
    expect((await recovered(environment.memory)).records).toEqual(['1:a'])
  })
})
