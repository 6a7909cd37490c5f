import type { ByteSource } from './source-window.ts'

/** How much is compared at once. */
const ZERO_CHUNK_BYTES: number = 256 * 1024

/** Whether every byte in [start, end) is zero. A source that ends before `end` has no other bytes there. */
export async function isZeros(source: ByteSource, start: number, end: number): Promise<boolean> {
  return (await firstNonZero(source, start, end)) === undefined
}

/** Where the first byte in [start, end) stands that is not zero. An error of the source rejects unchanged. */
export async function firstNonZero(
  source: ByteSource,
  start: number,
  end: number,
): Promise<number | undefined> {
  const size = Math.max(0, Math.min(ZERO_CHUNK_BYTES, end - start))
  const chunk = Buffer.allocUnsafe(size)
  const zeros = Buffer.alloc(size)
  let position = start
  while (position < end) {
    const read = await source.read(chunk.subarray(0, Math.min(size, end - position)), position)
    if (read === 0) return undefined
    if (chunk.compare(zeros, 0, read, 0, read) !== 0) {
      return position + chunk.subarray(0, read).findIndex((byte) => byte !== 0)
    }
    position += read
  }
  return undefined
}
