import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { FaultyFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeDirectories } from './directories.ts'
import { nodeEnvironment } from './node-environment.ts'

describe('makeDirectories (fault 9)', () => {
  let root: string
  let remove: () => Promise<void>
  let files: FaultyFileSystem

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    remove = directory.remove
    files = new FaultyFileSystem(nodeEnvironment.files)
  })
  afterEach(() => remove())

  const changes = () =>
    files.log
      .filter(({ call }) => call === 'makeDirectory' || call === 'syncDirectory')
      .map(({ call, path }) => [call, path])
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/'))

  it('makes every missing level, each durable before the next', async () => {
    await makeDirectories(files, `${root}/a/b/c`)
    expect(changes()).toEqual([
      ['syncDirectory', parentOf(root)],
      ['makeDirectory', `${root}/a`],
      ['syncDirectory', root],
      ['makeDirectory', `${root}/a/b`],
      ['syncDirectory', `${root}/a`],
      ['makeDirectory', `${root}/a/b/c`],
      ['syncDirectory', `${root}/a/b`],
    ])
    expect(await files.stat(`${root}/a/b/c`)).toMatchObject({ type: 'directory' })
  })

  it('syncs the parent of a directory that was there: who made it may have died before its sync', async () => {
    await mkdir(`${root}/a`)
    await makeDirectories(files, `${root}/a`)
    expect(changes()).toEqual([['syncDirectory', root]])
  })

  it('stops at the first level that cannot be made durable, and makes nothing inside it', async () => {
    files.fail({ on: 'syncDirectory', path: /\/a$/, fault: { errno: 'EIO' } })
    await expect(makeDirectories(files, `${root}/a/b/c`)).rejects.toMatchObject({ code: 'EIO' })
    expect(await files.list(`${root}/a/b`)).toEqual([])
    files.clearLog()
    await makeDirectories(files, `${root}/a/b/c`)
    // The level whose sync failed is synced again before anything is made in it.
    expect(changes()).toEqual([
      ['syncDirectory', `${root}/a`],
      ['makeDirectory', `${root}/a/b/c`],
      ['syncDirectory', `${root}/a/b`],
    ])
  })

  it('accepts a parent that is closed to us above a directory that was there, but no other error', async () => {
    await mkdir(`${root}/a`)
    files.fail({ on: 'syncDirectory', fault: { errno: 'EACCES' } })
    await makeDirectories(files, `${root}/a`)
    files.fail({ on: 'syncDirectory', fault: { errno: 'EIO' } })
    await expect(makeDirectories(files, `${root}/a`)).rejects.toMatchObject({ code: 'EIO' })
    // A level that we made ourselves is another matter.
    files.fail({ on: 'syncDirectory', nth: 2, fault: { errno: 'EACCES' } })
    await expect(makeDirectories(files, `${root}/a/b`)).rejects.toMatchObject({ code: 'EACCES' })
  })

  it('follows a link to a directory, and refuses a file in the way', async () => {
    await mkdir(`${root}/real`)
    await symlink(`${root}/real`, `${root}/link`)
    await makeDirectories(files, `${root}/link/a`)
    expect(await files.list(`${root}/real`)).toEqual(['a'])
    await writeFile(`${root}/file`, '')
    await expect(makeDirectories(files, `${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(makeDirectories(files, `${root}/file/a`)).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  it('lets two make the same directories at one time', async () => {
    await Promise.all([1, 2, 3].map(() => makeDirectories(files, `${root}/a/b/c`)))
    expect(await files.list(`${root}/a/b`)).toEqual(['c'])
  })
})
