import type { File, FileSystem } from './file-system.ts'
import { writeAll } from './transfer.ts'

/** How much of a file is in memory while it is copied. */
const COPY_BYTES = 1024 * 1024

/**
 * Copies the first `bytes` of an open file to a name that is free. The copy is synced, its name is not.
 * Rejects with the error of the system; a source that ends before that is an error as well.
 */
export async function copyFile(
  files: FileSystem,
  source: Pick<File, 'read'>,
  to: string,
  bytes: number,
): Promise<void> {
  const target = await files.open(to, 'create')
  try {
    const buffer = new Uint8Array(Math.min(COPY_BYTES, bytes))
    for (let at = 0; at < bytes; ) {
      const count = await source.read(buffer.subarray(0, Math.min(buffer.length, bytes - at)), at)
      if (count === 0) throw new Error(`the file ends at ${at}, before ${bytes}`)
      await writeAll(target, buffer.subarray(0, count), at)
      at += count
    }
    await target.sync()
  } finally {
    await target.close()
  }
}
