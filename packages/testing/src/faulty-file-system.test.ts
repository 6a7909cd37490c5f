import { errnoOf, type File, nodeEnvironment } from '@holdfast/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileSystemContract } from './contracts/index.ts'
import { FaultyFileSystem, faultyEnvironment } from './faulty-file-system.ts'
import { openDescriptors } from './open-descriptors.ts'
import { temporaryDirectory } from './temporary-directory.ts'

fileSystemContract('faulty, without rules', async () => {
  const { path, remove } = await temporaryDirectory()
  return { files: new FaultyFileSystem(nodeEnvironment.files), root: path, dispose: remove }
})

describe('FaultyFileSystem', () => {
  let root: string
  let remove: () => Promise<void>
  let files: FaultyFileSystem
  const bytes = Buffer.from('abcdef')

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    remove = directory.remove
    files = new FaultyFileSystem(nodeEnvironment.files)
  })
  afterEach(() => remove())

  const create = (name: string) => files.open(`${root}/${name}`, 'create')

  async function textOf(name: string): Promise<string> {
    const file = await nodeEnvironment.files.open(`${root}/${name}`, 'read')
    const into = Buffer.alloc(await file.size())
    await file.read(into, 0)
    await file.close()
    return into.toString()
  }

  it('writes every call down, and counts by kind and path', async () => {
    const file = await create('a')
    await file.write(bytes, 3)
    await file.sync()
    await file.truncate(4)
    await file.close()
    await file.close()
    await files.rename(`${root}/a`, `${root}/b`)
    await files.syncDirectory(root)
    expect(files.log).toEqual([
      { call: 'open', path: `${root}/a`, mode: 'create', result: 'ok' },
      { call: 'write', path: `${root}/a`, position: 3, bytes: 6, result: 'ok' },
      { call: 'sync', path: `${root}/a`, result: 'ok' },
      { call: 'truncate', path: `${root}/a`, bytes: 4, result: 'ok' },
      { call: 'close', path: `${root}/a`, result: 'ok' },
      { call: 'rename', path: `${root}/a`, to: `${root}/b`, result: 'ok' },
      { call: 'syncDirectory', path: root, result: 'ok' },
    ])
    expect([files.count('write'), files.count('rename', /\/b$/), files.count('sync', /\/b$/)]).toEqual([
      1, 1, 0,
    ])
    files.clearLog()
    expect(files.log).toEqual([])
  })

  it('fails the nth call that matches, so many times, and no other', async () => {
    const rule = files.fail({ on: 'write', path: /\/a$/, nth: 2, times: 2, fault: { errno: 'EIO' } })
    const [a, b] = [await create('a'), await create('b')]
    const write = (file: File) =>
      file.write(bytes, 0).then(
        () => 'ok',
        (error: unknown) => errnoOf(error),
      )
    expect([
      await write(b),
      await write(a),
      await write(b),
      await write(a),
      await write(a),
      await write(a),
    ]).toEqual(['ok', 'ok', 'ok', 'EIO', 'EIO', 'ok'])
    expect(rule.hits).toBe(2)
    await a.close()
    await b.close()
  })

  it('counts several kinds together, lets the first rule decide, and forgets rules that are removed', async () => {
    const file = await create('a')
    const either = files.fail({ on: ['write', 'writeThrough'], nth: 2, fault: { errno: 'EIO' } })
    files.fail({ on: 'writeThrough', fault: { errno: 'ENOSPC' } })
    await file.write(bytes, 0)
    await expect(file.writeThrough(bytes, 0)).rejects.toMatchObject({ code: 'EIO', syscall: 'writeThrough' })
    either.remove()
    files.fail({ on: 'sync', times: Number.POSITIVE_INFINITY, fault: { errno: 'EIO' } })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    files.clearRules()
    await file.sync()
    await file.close()
  })

  it('refuses without making the call, or makes it and says that it failed', async () => {
    const file = await create('a')
    files.fail({ on: 'write', fault: { errno: 'EIO' } })
    await expect(file.write(bytes, 0)).rejects.toMatchObject({ code: 'EIO' })
    expect(await textOf('a')).toBe('')
    files.fail({ on: 'write', fault: { errno: 'EIO', made: true } })
    await expect(file.write(bytes, 0)).rejects.toMatchObject({ code: 'EIO' })
    expect(await textOf('a')).toBe('abcdef')
    expect(files.log.map(({ result }) => result)).toEqual(['ok', 'EIO', 'EIO'])
    await file.close()
  })

  it('cuts reads and writes short', async () => {
    const file = await create('a')
    files.fail({ on: ['read', 'write'], times: 4, fault: { shortBytes: 2 } })
    expect(await file.write(bytes, 0)).toBe(2)
    expect(await file.write(bytes.subarray(0, 1), 2)).toBe(1)
    const into = Buffer.alloc(6)
    expect(await file.read(into, 0)).toBe(2)
    files.clearRules()
    files.fail({ on: 'write', fault: { shortBytes: 0 } })
    expect(await file.write(bytes, 0)).toBe(0)
    expect(await textOf('a')).toBe('aba')
    await file.close()
  })

  it('hangs until it is let go', async () => {
    const file = await create('a')
    let letGo = () => {}
    const hang = new Promise<void>((resolve) => {
      letGo = resolve
    })
    files.fail({ on: 'sync', fault: { hang } })
    let done = false
    const syncing = file.sync().then(() => {
      done = true
    })
    await file.write(bytes, 0)
    expect([done, files.log.at(-2)?.result]).toEqual([false, undefined])
    letGo()
    await syncing
    files.fail({ on: 'sync', fault: { hang: Promise.reject(new Error('in the end')) } })
    await expect(file.sync()).rejects.toThrow('in the end')
    await file.close()
  })

  it('runs what is to happen before a call', async () => {
    const file = await create('a')
    files.fail({ on: 'write', nth: 2, fault: { before: () => file.truncate(0) } })
    await file.write(bytes, 0)
    await file.write(bytes, 3)
    expect(await textOf('a')).toBe('\0\0\0abcdef')
    await file.close()
  })

  it('leaks no file where an open or a close is said to have failed', async () => {
    files.fail({ on: 'open', fault: { errno: 'EIO', made: true } })
    await expect(create('a')).rejects.toMatchObject({ code: 'EIO' })
    const file = await create('b')
    expect(files.openFiles).toBe(1)
    files.fail({ on: 'close', fault: { errno: 'EIO' } })
    await expect(file.close()).rejects.toMatchObject({ code: 'EIO' })
    await file.close()
    expect(files.openFiles).toBe(0)
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it.each(['list', 'stat', 'makeDirectory', 'unlink', 'syncDirectory'] as const)('fails %s', async (on) => {
    files.fail({ on, fault: { errno: 'EACCES' } })
    await expect(files[on](`${root}/a`)).rejects.toMatchObject({ code: 'EACCES', path: `${root}/a` })
  })

  it('stands in an environment in place of the real one', async () => {
    const environment = faultyEnvironment(nodeEnvironment, [{ on: 'list', fault: { errno: 'EIO' } }])
    await expect(environment.files.list(root)).rejects.toMatchObject({ code: 'EIO' })
    expect(await environment.files.list(root)).toEqual([])
    expect(environment.clock).toBe(nodeEnvironment.clock)
  })
})
