import { describe, expect, it } from 'vitest'
import { zstd, zstdOf } from './compression.ts'
import { MAX_CHUNK_BYTES } from './format.ts'

describe('zstd', () => {
  it('is not there where node:zlib has none', () => {
    expect(zstdOf({})).toBeUndefined()
  })

  it.skipIf(zstd === undefined)('gives back what it got, and never more than was asked for', async () => {
    const { compress, decompress } = zstd as NonNullable<typeof zstd>
    for (const length of [0, 1, 1000, MAX_CHUNK_BYTES]) {
      const bytes = Buffer.alloc(length, 'some text ')
      const compressed = await compress(bytes)
      expect((await decompress(compressed, length)).equals(bytes)).toBe(true)
      for (const wrong of [length - 1, length + 1, MAX_CHUNK_BYTES + 1, 2 ** 32 - 1]) {
        await expect(decompress(compressed, wrong)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
      }
      const cut = compressed.subarray(0, -1)
      await expect(decompress(cut, length)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    }
    // Stopped at what was asked for: no length that comes out is looked at before there was memory for it.
    const bomb = await compress(Buffer.alloc(MAX_CHUNK_BYTES))
    await expect(decompress(bomb, 1000)).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      cause: { code: 'ERR_BUFFER_TOO_LARGE' },
    })
    const tooLarge = await compress(Buffer.alloc(MAX_CHUNK_BYTES + 1))
    await expect(decompress(tooLarge, MAX_CHUNK_BYTES + 1)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
    await expect(decompress(Buffer.from('no zstd'), 7)).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  })
})
