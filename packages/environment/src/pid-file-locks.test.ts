import { readFile, writeFile } from 'node:fs/promises'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { locksContract } from '@holdfast/testing/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeEnvironment } from './node-environment.ts'
import { PidFileLocks } from './pid-file-locks.ts'
import { thisProcess } from './process-identity.ts'
import { isTemporaryName } from './temporary-name.ts'

locksContract('pid file', async () => {
  const { path, remove } = await temporaryDirectory()
  return { locks: () => new PidFileLocks(nodeEnvironment), path: `${path}/LOCK`, dispose: remove }
})

describe('the pid file (fault 30)', () => {
  const locks = new PidFileLocks(nodeEnvironment)
  let root: string
  let path: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    path = `${root}/LOCK`
    remove = directory.remove
  })
  afterEach(() => remove())

  async function heldBy(holder: Record<string, unknown>, name = 'LOCK.pid'): Promise<void> {
    const me = await thisProcess(nodeEnvironment.clock)
    await writeFile(`${root}/${name}`, JSON.stringify({ ...me, token: '0'.repeat(16), ...holder }))
  }

  it('is there while the lock is held, and nothing is left after it', async () => {
    const lock = await locks.acquire(path)
    expect(await nodeEnvironment.files.list(root)).toEqual(['LOCK.pid'])
    expect(JSON.parse(await readFile(`${path}.pid`, 'utf8'))).toMatchObject({ pid: process.pid })
    await lock.release()
    expect(await nodeEnvironment.files.list(root)).toEqual([])
  })

  it.each([
    ['whose pid nobody has', { pid: 2 ** 22 + 1 }],
    ['whose pid another process has by now', { start: '1' }],
    ['of an earlier boot', { boot: 'another' }],
  ])('is taken over from a holder %s', async (_who, holder) => {
    await heldBy(holder)
    const lock = await locks.acquire(path)
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: process.pid })
    await lock.release()
    expect(await nodeEnvironment.files.list(root)).toEqual([])
  })

  it('is taken over from one who died while it took over', async () => {
    await heldBy({ pid: 2 ** 22 + 1, token: 'a'.repeat(16) })
    await heldBy({ pid: 2 ** 22 + 2, token: 'b'.repeat(16) }, `LOCK.pid.${'a'.repeat(16)}.tmp`)
    await heldBy({ pid: 2 ** 22 + 3, token: 'c'.repeat(16) }, `LOCK.pid.${'b'.repeat(16)}.tmp`)
    await (await locks.acquire(path)).release()
    expect(await nodeEnvironment.files.list(root)).toEqual([])
  })

  it('is not taken over from one who lives and is just taking over', async () => {
    await heldBy({ pid: 2 ** 22 + 1, token: 'a'.repeat(16) })
    await heldBy({ token: 'b'.repeat(16) }, `LOCK.pid.${'a'.repeat(16)}.tmp`)
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: process.pid })
  })

  it('lets one of many take over from the dead', async () => {
    await heldBy({ pid: 2 ** 22 + 1 })
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => locks.acquire(path)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('stays with a holder on another machine, which cannot be seen from here', async () => {
    await heldBy({ host: 'elsewhere', pid: 2 ** 22 + 1, boot: 'another' })
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', host: 'elsewhere' })
  })

  it.each(['', 'garbage', '{"pid":1}', '{"pid":1,"host":"h","since":"s","token":"../../etc"}'])(
    'is an error, and not taken over, where it reads %j',
    async (garbage) => {
      await writeFile(`${path}.pid`, garbage)
      await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'IO_ERROR' })
      expect(await readFile(`${path}.pid`, 'utf8')).toBe(garbage)
      expect(await nodeEnvironment.files.list(root)).toEqual(['LOCK.pid'])
    },
  )

  it('leaves a later holder alone when it is released late', async () => {
    const first = await locks.acquire(path)
    await heldBy({ token: 'f'.repeat(16) })
    await first.release()
    expect(await nodeEnvironment.files.list(root)).toEqual(['LOCK.pid'])
  })

  it('is an IO_ERROR where the directory is not there', async () => {
    await expect(locks.acquire(`${root}/none/LOCK`)).rejects.toMatchObject({ code: 'IO_ERROR' })
  })

  it('gives temporary files temporary names, for a crash in between', async () => {
    expect(isTemporaryName(`LOCK.pid.${'a'.repeat(16)}.tmp`)).toBe(true)
    expect(isTemporaryName(`LOCK.pid.new.${'a'.repeat(16)}.tmp`)).toBe(true)
  })
})
