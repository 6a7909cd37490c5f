import type { FileSystem } from '@holdfast/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** A file system to be tested, and a directory in it that is there and empty. */
export interface FileSystemUnderTest {
  readonly files: FileSystem
  readonly root: string
  /** Removes what the test left. */
  dispose(): Promise<void>
}

/** What every `FileSystem` must do, short of power cuts. */
export function fileSystemContract(name: string, make: () => Promise<FileSystemUnderTest>): void {
  describe(`FileSystem contract: ${name}`, () => {
    let files: FileSystem
    let root: string
    let under: FileSystemUnderTest

    beforeEach(async () => {
      under = await make()
      files = under.files
      root = under.root
    })
    afterEach(() => under.dispose())

    const at = (...names: string[]) => [root, ...names].join('/')

    async function fileWith(path: string, text: string): Promise<void> {
      const file = await files.open(path, 'create')
      await file.write(Buffer.from(text), 0)
      await file.close()
    }

    async function textOf(path: string): Promise<string> {
      const file = await files.open(path, 'read')
      const bytes = Buffer.alloc(await file.size())
      await file.read(bytes, 0)
      await file.close()
      return bytes.toString()
    }

    describe('open', () => {
      it('creates a file that is not there, empty, to be read and written', async () => {
        const file = await files.open(at('new'), 'create')
        expect(await file.size()).toBe(0)
        expect(await file.write(Buffer.from('abc'), 0)).toBe(3)
        const into = Buffer.alloc(3)
        expect(await file.read(into, 0)).toBe(3)
        expect(into.toString()).toBe('abc')
        await file.close()
      })

      it('refuses to create a file that is there, and leaves it as it is', async () => {
        await fileWith(at('old'), 'kept')
        await expect(files.open(at('old'), 'create')).rejects.toMatchObject({ code: 'EEXIST' })
        expect(await textOf(at('old'))).toBe('kept')
      })

      it.each(['read', 'write'] as const)(
        'refuses to open for %s what is not there, and makes nothing',
        async (mode) => {
          await expect(files.open(at('none'), mode)).rejects.toMatchObject({ code: 'ENOENT' })
          expect(await files.list(root)).toEqual([])
        },
      )

      it('opens an existing file for writing without cutting it', async () => {
        await fileWith(at('old'), 'abcdef')
        const file = await files.open(at('old'), 'write')
        await file.write(Buffer.from('XY'), 2)
        await file.close()
        expect(await textOf(at('old'))).toBe('abXYef')
      })

      it('refuses to write to a file that was opened for reading', async () => {
        await fileWith(at('old'), 'kept')
        const file = await files.open(at('old'), 'read')
        await expect(file.write(Buffer.from('x'), 0)).rejects.toThrow(/EBADF|EPERM/)
        await expect(file.writeThrough(Buffer.from('x'), 0)).rejects.toThrow(/EBADF|EPERM/)
        await file.close()
        expect(await textOf(at('old'))).toBe('kept')
      })

      it.each(['read', 'write'] as const)('is NOT_A_FILE for a directory opened for %s', async (mode) => {
        await files.makeDirectory(at('directory'))
        await expect(files.open(at('directory'), mode)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
      })
    })

    describe('a file', () => {
      it('reads short at the end of the file, and 0 only behind it', async () => {
        await fileWith(at('file'), 'abcdef')
        const file = await files.open(at('file'), 'read')
        const into = Buffer.alloc(10)
        expect(await file.read(into, 4)).toBe(2)
        expect(into.toString('utf8', 0, 2)).toBe('ef')
        expect(await file.read(into, 6)).toBe(0)
        expect(await file.read(into, 1000)).toBe(0)
        await file.close()
      })

      it.each(['write', 'writeThrough'] as const)(
        '%s at any position, and what lies between is zeros',
        async (call) => {
          const file = await files.open(at('file'), 'create')
          await file[call](Buffer.from('end'), 5)
          await file[call](Buffer.from('ab'), 0)
          expect(await file.size()).toBe(8)
          await file.close()
          expect(await textOf(at('file'))).toBe('ab\0\0\0end')
        },
      )

      it('write and writeThrough see the same bytes', async () => {
        const file = await files.open(at('file'), 'create')
        await file.write(Buffer.from('aaaa'), 0)
        await file.writeThrough(Buffer.from('bb'), 1)
        await file.sync()
        await file.close()
        expect(await textOf(at('file'))).toBe('abba')
      })

      it('writes a view of a larger buffer, and no more than that', async () => {
        const file = await files.open(at('file'), 'create')
        await file.write(new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4), 0)
        const into = new Uint8Array(5)
        expect(await file.read(into.subarray(1, 4), 0)).toBe(3)
        expect([...into]).toEqual([0, 2, 3, 4, 0])
        await file.close()
      })

      it('truncates in both directions, and what is added is zeros', async () => {
        await fileWith(at('file'), 'abcdef')
        const file = await files.open(at('file'), 'write')
        await file.truncate(2)
        expect(await file.size()).toBe(2)
        await file.truncate(4)
        expect(await file.size()).toBe(4)
        await file.sync()
        await file.close()
        expect(await textOf(at('file'))).toBe('ab\0\0')
      })

      it('closes twice without complaint, and refuses every other call after that', async () => {
        const file = await files.open(at('file'), 'create')
        await file.close()
        await file.close()
        const bytes = Buffer.alloc(1)
        for (const call of [
          () => file.read(bytes, 0),
          () => file.write(bytes, 0),
          () => file.writeThrough(bytes, 0),
          () => file.sync(),
          () => file.truncate(0),
          () => file.size(),
        ]) {
          await expect(call()).rejects.toMatchObject({ code: 'EBADF' })
        }
      })

      it('finishes the calls under way before it closes', async () => {
        const file = await files.open(at('file'), 'create')
        const bytes = Buffer.alloc(100_000, 'x')
        const writes = [0, 1, 2, 3].map((part) => file.write(bytes, part * bytes.length))
        const closed = file.close()
        expect(await Promise.all(writes)).toEqual([100_000, 100_000, 100_000, 100_000])
        await closed
        expect(await files.stat(at('file'))).toEqual({ type: 'file', bytes: 400_000 })
      })

      it('goes on being the same file when its name is given to another', async () => {
        await fileWith(at('one'), 'one')
        await fileWith(at('two'), 'two')
        const file = await files.open(at('one'), 'read')
        await files.rename(at('two'), at('one'))
        const into = Buffer.alloc(3)
        await file.read(into, 0)
        await file.close()
        expect(into.toString()).toBe('one')
        expect(await textOf(at('one'))).toBe('two')
      })
    })

    describe('names', () => {
      it('lists the names in a directory, and nothing else', async () => {
        await fileWith(at('file'), '')
        await files.makeDirectory(at('directory'))
        await fileWith(at('directory', 'inner'), '')
        expect((await files.list(root)).sort()).toEqual(['directory', 'file'])
        expect(await files.list(at('directory'))).toEqual(['inner'])
        await expect(files.list(at('none'))).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(files.list(at('file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      })

      it('says what stands at a path, and undefined only where nothing does', async () => {
        await fileWith(at('file'), 'abc')
        await files.makeDirectory(at('directory'))
        expect(await files.stat(at('file'))).toEqual({ type: 'file', bytes: 3 })
        expect(await files.stat(at('directory'))).toMatchObject({ type: 'directory' })
        expect(await files.stat(at('none'))).toBeUndefined()
        await expect(files.stat(at('file', 'inner'))).rejects.toMatchObject({ code: 'ENOTDIR' })
      })

      it('makes one directory, and says so if one was there', async () => {
        expect(await files.makeDirectory(at('directory'))).toBe(true)
        expect(await files.makeDirectory(at('directory'))).toBe(false)
        await expect(files.makeDirectory(at('no', 'parent'))).rejects.toMatchObject({ code: 'ENOENT' })
      })

      it('is NOT_A_FILE for a directory where a file stands', async () => {
        await fileWith(at('file'), 'kept')
        await expect(files.makeDirectory(at('file'))).rejects.toMatchObject({ code: 'NOT_A_FILE' })
        expect(await textOf(at('file'))).toBe('kept')
      })

      it('renames over another file', async () => {
        await fileWith(at('from'), 'new')
        await fileWith(at('to'), 'old')
        await files.rename(at('from'), at('to'))
        expect(await files.list(root)).toEqual(['to'])
        expect(await textOf(at('to'))).toBe('new')
        await expect(files.rename(at('none'), at('to'))).rejects.toMatchObject({ code: 'ENOENT' })
      })

      it('unlinks a file', async () => {
        await fileWith(at('file'), '')
        await files.unlink(at('file'))
        expect(await files.list(root)).toEqual([])
        await expect(files.unlink(at('file'))).rejects.toMatchObject({ code: 'ENOENT' })
      })

      it('syncs a directory', async () => {
        await fileWith(at('file'), '')
        await files.syncDirectory(root)
      })
    })
  })
}
