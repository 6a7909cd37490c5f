import type { SimulatedDisk } from './disk.ts'

/** Bits rot: one bit of a file is turned over. */
export function flipBit(disk: SimulatedDisk, path: string, bit: number): void {
  disk.damage(path, (bytes) => {
    const at = bit >>> 3
    if (at >= bytes.length) throw new RangeError(`${path} has ${bytes.length} bytes, and none at ${at}`)
    bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7))
    return bytes
  })
}

/** Bytes of a file are replaced by others. */
export function overwrite(disk: SimulatedDisk, path: string, position: number, bytes: Uint8Array): void {
  disk.damage(path, (old) => {
    const size = Math.max(old.length, position + bytes.length)
    const damaged = Buffer.alloc(size)
    old.copy(damaged)
    damaged.set(bytes, position)
    return damaged
  })
}

/** A file loses its end. */
export function cutFile(disk: SimulatedDisk, path: string, bytes: number): void {
  disk.damage(path, (old) => old.subarray(0, bytes))
}

/** Two files change places: each is found under the other's name. */
export function swapFiles(disk: SimulatedDisk, one: string, other: string): void {
  const [first, second] = [disk.contentOf(one), disk.contentOf(other)]
  disk.damage(one, () => second)
  disk.damage(other, () => first)
}

/** A file is gone, durably, as if it had never been there. */
export function loseFile(disk: SimulatedDisk, path: string): void {
  disk.forget(path)
}
