import { HoldfastError } from '@holdfast/environment'
import type { Codec } from './codec.ts'
import { MessagePackEncoder } from './message-pack-encoder.ts'
import { readMessages } from './message-reader.ts'

/**
 * JavaScript values as MessagePack, with record structures that are defined inside each frame. What could not
 * be brought back exactly is refused by the encoder; see `assertSerializable`.
 */
export const messagePackCodec: Codec<unknown> = {
  id: 'msgpack-1',
  encoder: () => new MessagePackEncoder(),
  decode,
}

function decode(bytes: Uint8Array, count: number): unknown[] {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new HoldfastError('INVALID_ARGUMENT', `a count of values can't be ${String(count)}`)
  }
  return readMessages(bytes, count)
}
