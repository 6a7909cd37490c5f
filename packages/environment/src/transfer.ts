import type { File } from './file-system.ts'

/** Writes all the bytes, however short the single writes come out. Nothing is durable. */
export async function writeAll(file: File, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    done += progress(await file.write(rest(bytes, done), position + done))
  }
}

/** Writes all the bytes through to the disk: on return these bytes are durable, and says nothing of others. */
export async function writeAllThrough(file: File, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    done += progress(await file.writeThrough(rest(bytes, done), position + done))
  }
}

/**
 * Reads until `into` is full or the file ends: how many bytes came.
 * A read error rejects; it is never taken for the end of the file.
 */
export async function readAll(file: Pick<File, 'read'>, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.length) {
    const count = await file.read(rest(into, done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** The whole buffer as it is for the usual first step: a view costs more than the check. */
function rest(bytes: Uint8Array, done: number): Uint8Array {
  return done === 0 ? bytes : bytes.subarray(done)
}

/**
 * A write that takes nothing and reports nothing would loop for ever. It is what a full disk looks like
 * where the error is lost on the way, so it becomes the error of a full disk.
 */
function progress(count: number): number {
  if (count > 0) return count
  const error: NodeJS.ErrnoException = new Error('ENOSPC: a write took no bytes and gave no error, write')
  error.code = 'ENOSPC'
  error.syscall = 'write'
  throw error
}
