import { HoldfastError } from '@holdfast/environment'
import { Unpackr } from 'msgpackr/unpack'
import type { Codec } from './codec.ts'
import { MessagePackEncoder } from './message-pack-encoder.ts'
import { assertMessages } from './message-walk.ts'
import { decodeFailed } from './refusals.ts'

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
  assertMessages(bytes, count)
  if (count === 0) return []
  let values: unknown[]
  try {
    // A new one for each frame: it remembers the structures of what it read.
    values = new Unpackr({ sequential: true, moreTypes: true }).unpackMultiple(bytes) as unknown[]
  } catch (cause) {
    throw decodeFailed('msgpackr could not read them', 0, cause)
  }
  if (values.length !== count) throw decodeFailed(`${values.length} values, not ${count}`, 0)
  return values
}
