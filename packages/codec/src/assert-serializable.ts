import { MessageWriter } from './message-writer.ts'

/**
 * Throws NOT_SERIALIZABLE, with the path in `details.at`, unless `value` comes back from its bytes exactly:
 * null, undefined, booleans, numbers but -0, well-formed strings, 64-bit bigints, valid Dates, Uint8Array and
 * the other typed arrays, ArrayBuffer, and arrays, plain objects, Maps and Sets of these, MAX_DEPTH deep.
 * Throws RECORD_TOO_LARGE for more than MAX_VALUE_BYTES.
 * An object that is reachable twice passes, and comes back as two.
 */
export function assertSerializable(value: unknown): void {
  new MessageWriter().write(value)
}
