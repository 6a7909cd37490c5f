import type { Codec, FrameEncoder } from '@holdfast/codec'
import {
  CHUNK_BYTES,
  CHUNK_PREFIX_BYTES,
  CHUNK_VALUES,
  CLOSE_OP_BYTES,
  OP,
  OPEN_OP_BYTES,
  VALUES_OP_BYTES,
} from './format.ts'

const FIRST_OPS_BYTES = 4096

/** Collects the ops and values of one chunk after the other. Says when the open one has to be cut. */
export class ChunkEncoder {
  readonly #encoder: FrameEncoder<unknown>
  #ops: Buffer = Buffer.allocUnsafe(FIRST_OPS_BYTES)
  #opsBytes = 0
  #values = 0
  /** How many values at the end of the chunk have no op yet: they become one. */
  #run = 0

  constructor(codec: Codec<unknown>) {
    this.#encoder = codec.encoder()
  }

  /** Neither a value nor an op is in the open chunk. */
  get isEmpty(): boolean {
    return this.#run === 0 && this.#opsBytes === 0
  }

  /** The open chunk has reached the size at which it is cut. */
  get isFull(): boolean {
    return (
      this.#values >= CHUNK_VALUES || this.#opsBytes + this.#runBytes + this.#encoder.bytes >= CHUNK_BYTES
    )
  }

  /** The size of the open chunk's payload. */
  get payloadBytes(): number {
    return CHUNK_PREFIX_BYTES + this.#opsBytes + this.#runBytes + this.#encoder.bytes
  }

  /** Adds a value that is small, at the level that is open. Throws `NOT_SERIALIZABLE`. */
  value(value: unknown): void {
    this.#encoder.add(value)
    this.#run++
    this.#values++
  }

  /** What comes now is what a value of this kind and size is made of. */
  open(kind: number, size: number): void {
    this.#endRun()
    const at = this.#take(OPEN_OP_BYTES)
    this.#ops[at] = OP.open + kind
    this.#ops.writeBigUInt64LE(BigInt(size), at + 1)
  }

  /** The value that was opened last is complete. */
  close(): void {
    this.#endRun()
    this.#ops[this.#take(CLOSE_OP_BYTES)] = OP.close
  }

  /** Writes the chunk's payload (`payloadBytes`) into the buffer at `offset`, and begins the next chunk. */
  cut(buffer: Buffer, offset: number): void {
    this.#endRun()
    buffer.writeUInt32LE(this.#values, offset)
    buffer.writeUInt32LE(this.#opsBytes, offset + 4)
    const opsAt = offset + CHUNK_PREFIX_BYTES
    this.#ops.copy(buffer, opsAt, 0, this.#opsBytes)
    this.#encoder.copyTo(buffer, opsAt + this.#opsBytes)
    this.#encoder.reset()
    this.#opsBytes = 0
    this.#values = 0
  }

  get #runBytes(): number {
    return this.#run === 0 ? 0 : VALUES_OP_BYTES
  }

  #endRun(): void {
    if (this.#run === 0) return
    const at = this.#take(VALUES_OP_BYTES)
    this.#ops[at] = OP.values
    this.#ops.writeUInt32LE(this.#run, at + 1)
    this.#run = 0
  }

  /** Room for so many bytes of ops: where they begin. Bounded, since the chunk is cut when it is full. */
  #take(bytes: number): number {
    const at = this.#opsBytes
    if (at + bytes > this.#ops.length) {
      const larger = Buffer.allocUnsafe(this.#ops.length * 2)
      this.#ops.copy(larger, 0, 0, at)
      this.#ops = larger
    }
    this.#opsBytes = at + bytes
    return at
  }
}
