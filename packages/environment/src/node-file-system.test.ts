import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { lstat, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { openDescriptors, temporaryDirectory } from '@holdfast/testing/environment'
import { fileSystemContract } from '@holdfast/testing/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isHoldfastError } from './errors.ts'
import { NodeFileSystem } from './node-file-system.ts'

const run = promisify(execFile)

// The other platforms' code paths run here on Linux's calls: their order and their options, not their durability.
for (const platform of ['linux', 'darwin', 'win32'] as const) {
  fileSystemContract(`Node.js as on ${platform}`, async () => {
    const { path, remove } = await temporaryDirectory()
    return { files: new NodeFileSystem(platform), root: path, dispose: remove }
  })
}

describe('the Node.js file system', () => {
  const files = new NodeFileSystem()
  let root: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    remove = directory.remove
  })
  afterEach(() => remove())

  describe('opens regular files only (fault 31)', () => {
    async function expectRefused(path: string): Promise<void> {
      for (const mode of ['read', 'write'] as const) {
        await expect(files.open(path, mode)).rejects.toMatchObject({ code: 'NOT_A_FILE', path })
      }
      await expect(files.open(path, 'create')).rejects.toMatchObject({ code: 'EEXIST' })
      expect(await files.stat(path)).toMatchObject({ type: 'other' })
      await expect(files.makeDirectory(path)).rejects.toMatchObject({ code: 'NOT_A_FILE', path })
      expect((await openDescriptors(root)) ?? []).toEqual([])
    }

    it('not through a symbolic link, to a file, to a directory or to nothing', async () => {
      await writeFile(`${root}/file`, 'kept')
      await symlink(`${root}/file`, `${root}/link`)
      await expectRefused(`${root}/link`)
      await symlink(root, `${root}/directory-link`)
      await expectRefused(`${root}/directory-link`)
      await symlink(`${root}/none`, `${root}/dangling`)
      await expectRefused(`${root}/dangling`)
      expect(await readFile(`${root}/file`, 'utf8')).toBe('kept')
      await expect(readFile(`${root}/none`)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('not a FIFO, and without waiting for its other end', async () => {
      await run('mkfifo', [`${root}/fifo`])
      await expectRefused(`${root}/fifo`)
    })

    it('not a socket', async () => {
      const server = createServer().listen(`${root}/socket`)
      await once(server, 'listening')
      await expectRefused(`${root}/socket`)
      server.close()
    })

    it('not a device', async () => {
      await expect(files.open('/dev/null', 'read')).rejects.toMatchObject({ code: 'NOT_A_FILE' })
      await expect(files.open('/dev/null', 'write')).rejects.toMatchObject({ code: 'NOT_A_FILE' })
      expect((await openDescriptors('/dev/null'))?.filter((path) => path !== '/dev/null') ?? []).toEqual([])
    })

    it('with both descriptors on one file, whoever swaps the name meanwhile', async () => {
      let over = false
      const swapping = (async () => {
        for (let turn = 0; !over; turn += 1) {
          await writeFile(`${root}/new`, `${turn}`)
          await files.rename(`${root}/new`, `${root}/file`)
        }
      })()
      await writeFile(`${root}/file`, '')
      for (let attempt = 0; attempt < 300; attempt += 1) {
        const file = await files.open(`${root}/file`, 'write').catch((error: unknown) => {
          if (!isHoldfastError(error, 'NOT_A_FILE')) throw error
        })
        if (file === undefined) continue
        await file.writeThrough(Buffer.from('mine'), 0)
        const into = Buffer.alloc(4)
        await file.read(into, 0)
        expect(into.toString()).toBe('mine')
        await file.close()
      }
      over = true
      await swapping
      expect((await openDescriptors(root)) ?? []).toEqual([])
    })
  })

  it.each([0o000, 0o022, 0o077])(
    'makes files and directories for their owner only, umask %o',
    async (umask) => {
      const before = process.umask(umask)
      try {
        await (await files.open(`${root}/file`, 'create')).close()
        await files.makeDirectory(`${root}/directory`)
      } finally {
        process.umask(before)
      }
      expect((await lstat(`${root}/file`)).mode & 0o7777).toBe(0o600)
      expect((await lstat(`${root}/directory`)).mode & 0o7777).toBe(0o700)
    },
  )

  it.runIf(process.platform === 'linux')(
    'opens a second descriptor for durable writes, and none for reading',
    async () => {
      const created = await files.open(`${root}/file`, 'create')
      expect(await openDescriptors(root)).toEqual([`${root}/file`, `${root}/file`])
      await created.close()
      const read = await files.open(`${root}/file`, 'read')
      expect(await openDescriptors(root)).toEqual([`${root}/file`])
      await read.close()
      expect(await openDescriptors(root)).toEqual([])
    },
  )

  it('gives back nothing twice: a closed file cannot touch another that has its number by now', async () => {
    const closed = await files.open(`${root}/closed`, 'create')
    await closed.close()
    const other = await files.open(`${root}/other`, 'create')
    await expect(closed.write(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'EBADF' })
    await expect(closed.truncate(100)).rejects.toMatchObject({ code: 'EBADF' })
    await closed.close()
    expect(await other.size()).toBe(0)
    await other.close()
  })

  it('rejects an argument that cannot be, and closes all the same', async () => {
    const file = await files.open(`${root}/file`, 'create')
    await expect(file.truncate(1.5)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await file.close()
  })

  it('follows a link when it syncs a directory, and complains of what is none', async () => {
    await symlink(root, `${root}/link`)
    await files.syncDirectory(`${root}/link`)
    await writeFile(`${root}/file`, '')
    await expect(files.syncDirectory(`${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(files.syncDirectory(`${root}/none`)).rejects.toMatchObject({ code: 'ENOENT' })
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it('syncs no directory where the platform cannot', async () => {
    await new NodeFileSystem('win32').syncDirectory(`${root}/none`)
  })
})
