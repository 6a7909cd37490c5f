import { readFile } from 'node:fs/promises'
import { faultyEnvironment, openDescriptors, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeEnvironment } from './node-environment.ts'
import { replaceFile } from './replace-file.ts'

describe('replaceFile', () => {
  let root: string
  let path: string
  let remove: () => Promise<void>
  let environment: ReturnType<typeof faultyEnvironment>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    remove = directory.remove
    path = `${root}/MANIFEST`
    environment = faultyEnvironment(nodeEnvironment)
    await replaceFile(environment, path, Buffer.from('old'))
    environment.files.clearLog()
  })
  afterEach(() => remove())

  const replace = () => replaceFile(environment, path, Buffer.from('newer'))

  it('makes the bytes the whole content', async () => {
    await replaceFile(environment, path, Buffer.from('a long text'))
    await replace()
    expect(await readFile(path, 'utf8')).toBe('newer')
    expect(await environment.files.list(root)).toEqual(['MANIFEST'])
  })

  it('syncs the bytes before the rename, and the directory after it (fault 8)', async () => {
    await replace()
    const temporary: unknown = expect.stringMatching(/\/MANIFEST\.[0-9a-f]{16}\.tmp$/)
    expect(environment.files.log).toMatchObject([
      { call: 'open', mode: 'create', path: temporary },
      { call: 'write', path: temporary, position: 0, bytes: 5 },
      { call: 'sync', path: temporary },
      { call: 'close', path: temporary },
      { call: 'rename', path: temporary, to: path },
      { call: 'syncDirectory', path: root },
    ])
  })

  it('uses a name of its own every time, and leaves alone what another writer left', async () => {
    await replace()
    await replace()
    const names = environment.files.log.filter(({ call }) => call === 'open').map((record) => record.path)
    expect(new Set(names).size).toBe(2)
  })

  it('goes on after a short write (fault 15)', async () => {
    environment.files.fail({ on: 'write', fault: { shortBytes: 2 } })
    await replace()
    expect(await readFile(path, 'utf8')).toBe('newer')
  })

  it.each([
    ['open', 'EMFILE', 'IO_ERROR'],
    ['open', 'EACCES', 'IO_ERROR'],
    ['open', 'EROFS', 'IO_ERROR'],
    ['open', 'ENOSPC', 'NO_SPACE'],
    ['write', 'EIO', 'IO_ERROR'],
    ['write', 'EINTR', 'IO_ERROR'],
    ['write', 'EAGAIN', 'IO_ERROR'],
    ['write', 'ENOSPC', 'NO_SPACE'],
    ['write', 'EDQUOT', 'NO_SPACE'],
    ['write', 'EFBIG', 'NO_SPACE'],
    ['sync', 'EIO', 'IO_ERROR'],
    ['sync', 'ENOSPC', 'NO_SPACE'],
    ['close', 'EIO', 'IO_ERROR'],
    ['close', 'EDQUOT', 'NO_SPACE'],
  ] as const)(
    'leaves the old file whole where %s fails with %s (faults 13, 14, 16)',
    async (on, errno, code) => {
      environment.files.fail({ on, fault: { errno } })
      await expect(replace()).rejects.toMatchObject({
        code,
        path,
        outcome: 'not-written',
        details: { errno },
        cause: { code: errno },
      })
      await expectOldAndNothingElse()
      await replace()
      expect(await readFile(path, 'utf8')).toBe('newer')
    },
  )

  it('leaves the old file whole where a write makes no progress (fault 15)', async () => {
    environment.files.fail({ on: 'write', nth: 2, fault: { shortBytes: 0 } })
    environment.files.fail({ on: 'write', fault: { shortBytes: 2 } })
    await expect(replace()).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-written' })
    await expectOldAndNothingElse()
  })

  it('never tries a failed sync again (fault 11)', async () => {
    environment.files.fail({ on: 'sync', fault: { errno: 'EIO' } })
    await expect(replace()).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(environment.files.count('sync')).toBe(1)
    expect(environment.files.count('rename')).toBe(0)
  })

  it("says 'unknown' where the rename fails, made or not, and removes what it left", async () => {
    environment.files.fail({ on: 'rename', fault: { errno: 'EIO' } })
    await expect(replace()).rejects.toMatchObject({ code: 'IO_ERROR', outcome: 'unknown' })
    await expectOldAndNothingElse()
    environment.files.fail({ on: 'rename', fault: { errno: 'EIO', made: true } })
    await expect(replace()).rejects.toMatchObject({ code: 'IO_ERROR', outcome: 'unknown' })
    expect(await readFile(path, 'utf8')).toBe('newer')
    expect(await environment.files.list(root)).toEqual(['MANIFEST'])
  })

  it("says 'unknown' where the directory can't be synced", async () => {
    environment.files.fail({ on: 'syncDirectory', fault: { errno: 'EIO' } })
    await expect(replace()).rejects.toMatchObject({ code: 'IO_ERROR', outcome: 'unknown' })
    expect(await readFile(path, 'utf8')).toBe('newer')
    expect(await environment.files.list(root)).toEqual(['MANIFEST'])
  })

  it('reports the first error where the temporary file cannot be removed either', async () => {
    environment.files.fail({ on: 'sync', fault: { errno: 'EIO' } })
    environment.files.fail({ on: 'unlink', fault: { errno: 'EROFS' } })
    await expect(replace()).rejects.toMatchObject({ cause: { code: 'EIO' } })
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await environment.files.list(root)).toHaveLength(2)
  })

  async function expectOldAndNothingElse(): Promise<void> {
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await environment.files.list(root)).toEqual(['MANIFEST'])
    expect(environment.files.openFiles).toBe(0)
    expect((await openDescriptors(root)) ?? []).toEqual([])
  }
})
