import type { Codec } from '@holdfast/codec'
import { ByteReader } from '@holdfast/framing'
import { OP, VALUES_OP_BYTES } from './format.ts'
import { malformed } from './refusals.ts'
import { ValueAssembler } from './value-assembler.ts'

/**
 * Turns chunks back into values, in order. Throws `DECODE_FAILED` for whatever no writer of this format writes;
 * it allocates nothing that the bytes of the chunk don't account for.
 */
export class ChunkDecoder {
  readonly #codec: Codec<unknown>
  readonly #assembler: ValueAssembler = new ValueAssembler()

  constructor(codec: Codec<unknown>) {
    this.#codec = codec
  }

  /**
   * The values at the top level that are complete with this chunk.
   * `bytesLeft` is what the file holds behind it: what a size is believed by.
   */
  decode(payload: Buffer, bytesLeft: number): unknown[] {
    const reader = new ByteReader(payload)
    const count = reader.u32()
    const ops = reader.bytes(reader.u32())
    // Each value takes a byte at least; the codec checks the rest, and that they fill the bytes exactly.
    if (count > reader.remaining) throw malformed(`${count} values are not in ${reader.remaining} bytes`)
    const values = this.#codec.decode(reader.rest(), count)
    if (this.#isPlain(ops, count)) return values
    return this.#apply(new ByteReader(ops), values, payload.length + bytesLeft)
  }

  /** Throws unless every value that was begun is complete. */
  finish(): void {
    if (this.#assembler.depth > 0) throw malformed('the last value has no end')
  }

  /** The usual chunk: nothing but small values at the top level. They are what the codec has made of it. */
  #isPlain(ops: Buffer, count: number): boolean {
    if (this.#assembler.depth > 0 || ops.length !== VALUES_OP_BYTES) return false
    return ops[0] === OP.values && ops.readUInt32LE(1) === count
  }

  #apply(ops: ByteReader, values: unknown[], bytesLeft: number): unknown[] {
    const assembler = this.#assembler
    let taken = 0
    while (ops.remaining > 0) {
      const op = ops.u8()
      if (op === OP.values) {
        const from = taken
        taken += ops.u32()
        if (taken === from) throw malformed('an op counts no values')
        if (taken > values.length) throw malformed('the ops of a chunk name more values than there are')
        assembler.add(values, from, taken)
      } else if (op === OP.close) assembler.close()
      else if (op >= OP.open) assembler.open(op - OP.open, ops.u64(), bytesLeft)
      else throw malformed(`there is no op ${op}`)
    }
    if (taken !== values.length) throw malformed('the ops of a chunk name fewer values than there are')
    return assembler.takeComplete()
  }
}
