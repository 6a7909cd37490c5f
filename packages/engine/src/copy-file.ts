import { type FileSystem, ioError, writeAll } from '@holdfast/environment'

const COPY_BYTES = 1024 * 1024

/** Copies a file that nobody changes to a name that is free; the copy is synced, its name is not. Returns its size. */
export async function copyFile(files: FileSystem, from: string, to: string): Promise<number> {
  try {
    const source = await files.open(from, 'read')
    try {
      const target = await files.open(to, 'create')
      try {
        const buffer = new Uint8Array(COPY_BYTES)
        let at = 0
        for (let count = await source.read(buffer, at); count > 0; count = await source.read(buffer, at)) {
          await writeAll(target, buffer.subarray(0, count), at)
          at += count
        }
        await target.sync()
        return at
      } finally {
        await target.close()
      }
    } finally {
      await source.close()
    }
  } catch (cause) {
    throw ioError(cause, { doing: `copy ${from}`, path: to })
  }
}
