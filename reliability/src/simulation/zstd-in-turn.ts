import zlib from 'node:zlib'

type Call = (bytes: Uint8Array, options: zlib.ZstdOptions) => Buffer
type Callback = (error: unknown, result?: Buffer) => void

/**
 * From here on zstd works in the turn that asks for it: zlib's threads are none of a simulation, which would go on
 * meanwhile, further each time. `false` where the runtime has no zstd.
 */
export function haveZstdInTurn(): boolean {
  const { zstdCompressSync, zstdDecompressSync }: Partial<typeof zlib> = zlib
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return false
  Object.assign(zlib, { zstdCompress: inTurn(zstdCompressSync), zstdDecompress: inTurn(zstdDecompressSync) })
  return true
}

function inTurn(call: Call): (bytes: Uint8Array, options: zlib.ZstdOptions, callback: Callback) => void {
  return (bytes, options, callback) => {
    let result: Buffer
    try {
      result = call(bytes, options)
    } catch (error) {
      callback(error)
      return
    }
    callback(null, result)
  }
}
