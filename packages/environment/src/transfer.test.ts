import { FaultyFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { File } from './file-system.ts'
import { nodeEnvironment } from './node-environment.ts'
import { readAll, writeAll, writeAllThrough } from './transfer.ts'

describe('transfers of whole buffers (fault 15)', () => {
  let files: FaultyFileSystem
  let file: File
  let remove: () => Promise<void>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    remove = directory.remove
    files = new FaultyFileSystem(nodeEnvironment.files)
    file = await files.open(`${directory.path}/file`, 'create')
  })
  afterEach(async () => {
    await file.close()
    await remove()
  })

  const bytes = Buffer.from('0123456789abcdef')

  describe.each([
    ['writeAll', writeAll, 'write'],
    ['writeAllThrough', writeAllThrough, 'writeThrough'],
  ] as const)('%s', (_name, writeWhole, call) => {
    it('is one call where nothing is short', async () => {
      await writeWhole(file, bytes, 3)
      expect(files.log.filter((record) => record.call !== 'open')).toMatchObject([
        { call, position: 3, bytes: 16 },
      ])
    })

    it('goes on after short writes, from where each ended', async () => {
      files.fail({ on: call, times: 3, fault: { shortBytes: 5 } })
      await writeWhole(file, bytes, 3)
      expect(files.log.filter((record) => record.call === call)).toMatchObject([
        { position: 3, bytes: 16 },
        { position: 8, bytes: 11 },
        { position: 13, bytes: 6 },
        { position: 18, bytes: 1 },
      ])
      const into = Buffer.alloc(19)
      await file.read(into, 0)
      expect(into.toString()).toBe(`\0\0\0${bytes.toString()}`)
    })

    it('takes no progress for a full disk, after one call', async () => {
      files.fail({ on: call, nth: 2, fault: { shortBytes: 0 } })
      files.fail({ on: call, fault: { shortBytes: 5 } })
      await expect(writeWhole(file, bytes, 0)).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(files.count(call)).toBe(2)
    })

    it('passes the error of a later part on as it is', async () => {
      files.fail({ on: call, fault: { shortBytes: 5 } })
      files.fail({ on: call, nth: 2, fault: { errno: 'EIO' } })
      await expect(writeWhole(file, bytes, 0)).rejects.toMatchObject({ code: 'EIO' })
    })

    it('makes no call for no bytes', async () => {
      await writeWhole(file, Buffer.alloc(0), 0)
      expect(files.count(call)).toBe(0)
    })
  })

  describe('readAll', () => {
    beforeEach(() => writeAll(file, bytes, 0))

    it('goes on after short reads', async () => {
      files.fail({ on: 'read', times: Number.POSITIVE_INFINITY, fault: { shortBytes: 3 } })
      const into = Buffer.alloc(10)
      expect(await readAll(file, into, 2)).toBe(10)
      expect(into.toString()).toBe('23456789ab')
    })

    it('says how much came where the file ends first', async () => {
      const into = Buffer.alloc(10)
      expect(await readAll(file, into, 12)).toBe(4)
      expect(await readAll(file, into, 16)).toBe(0)
      expect(await readAll(file, into, 100)).toBe(0)
    })

    it('rejects on an error behind a short read: it is no end of the file (fault 13)', async () => {
      files.fail({ on: 'read', fault: { shortBytes: 3 } })
      files.fail({ on: 'read', nth: 2, fault: { errno: 'EIO' } })
      await expect(readAll(file, Buffer.alloc(10), 0)).rejects.toMatchObject({ code: 'EIO' })
    })
  })
})
