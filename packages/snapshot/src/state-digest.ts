import { type Codec, messagePackCodec } from '@holdfast/codec'
import { StateDigest } from '@holdfast/framing'
import { ChunkEncoder } from './chunk-encoder.ts'
import { ValueWalker } from './value-walker.ts'

/**
 * The digest that a snapshot of these values would have, without writing one: equal states, equal digests.
 * It does not let the event loop turn. Throws `NOT_SERIALIZABLE`.
 */
export function stateDigest(values: Iterable<unknown>, codec: Codec<unknown> = messagePackCodec): string {
  const chunk = new ChunkEncoder(codec)
  const walker = new ValueWalker(chunk, codec)
  const digest = new StateDigest()
  let buffer = Buffer.alloc(0)
  const cut = () => {
    const { payloadBytes } = chunk
    if (payloadBytes > buffer.length) buffer = Buffer.allocUnsafeSlow(payloadBytes)
    chunk.cut(buffer, 0)
    digest.update(buffer.subarray(0, payloadBytes))
  }
  for (const value of values) {
    for (let isFull = walker.add(value); isFull; isFull = walker.resume()) cut()
  }
  if (!chunk.isEmpty) cut()
  return digest.finish()
}
