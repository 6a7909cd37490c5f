import { type Codec, messagePackCodec } from '@holdfast/codec'
import { ChunkDecoder } from './chunk-decoder.ts'
import { ChunkEncoder } from './chunk-encoder.ts'
import { ValueWalker } from './value-walker.ts'

/** The payloads of the chunks that these values become. */
export function chunksOf(values: Iterable<unknown>, codec: Codec<unknown> = messagePackCodec): Buffer[] {
  const chunk = new ChunkEncoder(codec)
  const walker = new ValueWalker(chunk, codec)
  const payloads: Buffer[] = []
  const cut = () => {
    const payload = Buffer.alloc(chunk.payloadBytes)
    chunk.cut(payload, 0)
    payloads.push(payload)
  }
  for (const value of values) {
    for (let isFull = walker.add(value); isFull; isFull = walker.resume()) cut()
  }
  if (!chunk.isEmpty) cut()
  return payloads
}

/** The values that chunks hold. `bytesLeft`: what a size is believed by. */
export function valuesOf(
  payloads: readonly Buffer[],
  { codec = messagePackCodec, bytesLeft = 0 }: { codec?: Codec<unknown>; bytesLeft?: number } = {},
): unknown[] {
  const decoder = new ChunkDecoder(codec)
  const values = payloads.flatMap((payload) => decoder.decode(payload, bytesLeft))
  decoder.finish()
  return values
}
