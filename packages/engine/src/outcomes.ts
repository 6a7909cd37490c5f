/*
 * Which commands were refused, as it stands in the note of a later batch or mark. Part of the format:
 * docs/format.md, section "Outcomes".
 *
 *   version u8 = 1 | from varint | others varint | refused varint | refused x gap varint
 *
 *   The outcomes of the sequences `from` to `from + others` are known: those listed were refused, all the
 *   others accepted. The first gap counts from `from`, each later one from the sequence behind the one
 *   before it, so that a run of refusals is a run of zeros.
 *
 *   A varint is LEB128: seven bits in each byte, the lowest first, the top bit set where another byte
 *   follows; never longer than it has to be, and never above 2^53 - 1.
 *
 * `from` is written out, though it mostly follows from the batch: a note in a mark is written again in the
 * next batch, so that ranges may overlap, and a reader must see that they do.
 */
import { HoldfastError } from '@holdfast/environment'

/** Part of the format. */
const OUTCOMES_VERSION = 1
/** The bytes of the longest varint: 2^53 - 1 takes 53 bits. */
const VARINT_MAX_BYTES = 8

/** The outcomes of a run of sequences. */
export interface RecordedOutcomes {
  readonly from: number
  readonly through: number
  /** Ascending; all the others were accepted. */
  readonly refused: readonly number[]
}

/** The bytes of a note. */
export function encodeOutcomes({ from, through, refused }: RecordedOutcomes): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + (3 + refused.length) * VARINT_MAX_BYTES)
  let at = bytes.writeUInt8(OUTCOMES_VERSION, 0)
  at = writeVarint(bytes, at, from)
  at = writeVarint(bytes, at, through - from)
  at = writeVarint(bytes, at, refused.length)
  let next = from
  for (const seq of refused) {
    at = writeVarint(bytes, at, seq - next)
    next = seq + 1
  }
  return bytes.subarray(0, at)
}

/** What a note says; `undefined` for an empty one. Throws `DECODE_FAILED`, and `UNSUPPORTED_FORMAT` for a newer version. */
export function decodeOutcomes(note: Uint8Array): RecordedOutcomes | undefined {
  if (note.length === 0) return undefined
  const version = note[0] as number
  if (version > OUTCOMES_VERSION) {
    throw new HoldfastError(
      'UNSUPPORTED_FORMAT',
      `recorded outcomes of version ${version}, this code knows up to ${OUTCOMES_VERSION}`,
    )
  }
  const reader = new VarintReader(note, 1)
  const from = reader.next()
  const through = from + reader.next()
  const count = reader.next()
  // Each refusal takes a byte at least: a list is never made that the note could not hold.
  if (version === 0 || from === 0 || !Number.isSafeInteger(through) || count > note.length - reader.at)
    throw malformed()
  const refused: number[] = []
  let next = from
  for (let i = 0; i < count; i++) {
    const seq = next + reader.next()
    if (seq > through) throw malformed()
    refused.push(seq)
    next = seq + 1
  }
  if (reader.at !== note.length) throw malformed()
  return { from, through, refused }
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
  return at
}

class VarintReader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  next(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < VARINT_MAX_BYTES; i++) {
      const byte = this.#bytes[this.at]
      if (byte === undefined) throw malformed()
      this.at += 1
      value += (byte & 0x7f) * scale
      scale *= 0x80
      if (byte < 0x80) {
        if ((byte === 0 && i > 0) || !Number.isSafeInteger(value)) throw malformed()
        return value
      }
    }
    throw malformed()
  }
}

function malformed(): HoldfastError {
  return new HoldfastError('DECODE_FAILED', 'the recorded outcomes do not decode')
}
