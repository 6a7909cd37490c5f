import { type Codec, messagePackCodec } from '@holdfast/codec'
import type { Environment } from '@holdfast/environment'
import { StateDigest } from '@holdfast/framing'
import { ChunkEncoder } from './chunk-encoder.ts'
import { Pace, type SnapshotPace } from './pace.ts'
import { ValueWalker } from './value-walker.ts'

/**
 * The digest that a snapshot of these values would have, without writing one: equal states, equal digests.
 * It does not let the event loop turn. Throws `NOT_SERIALIZABLE`.
 */
export function stateDigest(values: Iterable<unknown>, codec: Codec<unknown> = messagePackCodec): string {
  const digesting = steps(values, codec)
  for (;;) {
    const step = digesting.next()
    if (step.done === true) return step.value
  }
}

/** The same, while the event loop turns, as it does for a writer of that pace. The values must not change meanwhile. */
export async function stateDigestWhile(
  values: Iterable<unknown>,
  codec: Codec<unknown>,
  environment: Environment,
  pace: SnapshotPace,
): Promise<string> {
  const resting = new Pace(environment, pace)
  const digesting = steps(values, codec, resting)
  for (;;) {
    const step = digesting.next()
    if (step.done === true) return step.value
    await resting.rest()
  }
}

/** Yields where it is time for a rest. */
function* steps(
  values: Iterable<unknown>,
  codec: Codec<unknown>,
  pace?: Pace,
): Generator<void, string, void> {
  const chunk = new ChunkEncoder(codec)
  const walker = new ValueWalker(chunk, codec, pace)
  const digest = new StateDigest()
  let buffer = Buffer.alloc(0)
  const cut = () => {
    const { payloadBytes } = chunk
    if (payloadBytes > buffer.length) buffer = Buffer.allocUnsafeSlow(payloadBytes)
    chunk.cut(buffer, 0)
    digest.update(buffer.subarray(0, payloadBytes))
  }
  for (const value of values) {
    for (let stopped = walker.add(value); stopped; stopped = walker.resume()) {
      if (chunk.isFull) cut()
      yield
    }
  }
  if (!chunk.isEmpty) cut()
  return digest.finish()
}
