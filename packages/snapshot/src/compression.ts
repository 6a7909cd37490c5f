import { promisify } from 'node:util'
// Not by name: a runtime without zstd would refuse to load this module.
import zlib from 'node:zlib'
import { HoldfastError } from '@holdfast/environment'
import { MAX_CHUNK_BYTES } from './format.ts'
import { malformed } from './refusals.ts'

/** zstd, as the runtime has it. Both work in the thread pool. */
export interface Zstd {
  readonly compress: (bytes: Uint8Array) => Promise<Buffer>
  /** Throws `DECODE_FAILED` unless what comes out has exactly `bytes` bytes; never makes more. */
  readonly decompress: (compressed: Uint8Array, bytes: number) => Promise<Buffer>
}

/** The zstd of a version of `node:zlib`; `undefined` where it has none (Node.js before 22.15). */
export function zstdOf(library: Partial<typeof zlib>): Zstd | undefined {
  const { zstdCompress, zstdDecompress } = library
  if (typeof zstdCompress !== 'function' || typeof zstdDecompress !== 'function') return undefined
  // Looked up at each call: a simulated machine has others in their place, without threads.
  const late = library as typeof zlib
  const compress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>((...call) => late.zstdCompress(...call))
  const decompress = promisify<Uint8Array, zlib.ZstdOptions, Buffer>((...call) =>
    late.zstdDecompress(...call),
  )
  return {
    compress: (bytes) => compress(bytes, { chunkSize: outputBytes(bytes.length) }),
    decompress: async (compressed, bytes) => {
      if (bytes > MAX_CHUNK_BYTES) throw malformed(`a chunk is said to have ${bytes} bytes`)
      // The limit is what makes a small file that says it is a large one harmless. It may not be 0.
      const options = { maxOutputLength: Math.max(1, bytes), chunkSize: outputBytes(bytes) }
      const payload = await decompress(compressed, options).catch((cause: unknown) => {
        throw malformed('a chunk does not decompress', cause)
      })
      if (payload.length !== bytes) {
        throw malformed(`a chunk has ${payload.length} bytes, not the ${bytes} that it says`)
      }
      return payload
    },
  }
}

/**
 * How much room zlib makes for what comes out. It goes to the thread pool and back for each piece of 16 KiB
 * otherwise, which takes longer than the work.
 */
function outputBytes(bytes: number): number {
  return Math.max(MIN_OUTPUT_BYTES, bytes + 1)
}

const MIN_OUTPUT_BYTES = 1024

/** This runtime's. */
export const zstd: Zstd | undefined = zstdOf(zlib)

/** What a runtime without zstd says of a snapshot that needs it. */
export function zstdMissing(path: string): HoldfastError {
  return new HoldfastError('UNSUPPORTED', 'zstd is not to be had in this version of Node.js', {
    path,
    hint: 'Nothing was changed. Run Node.js 22.15, 23.8 or later.',
  })
}
