import { messagePackCodec } from '@holdfast/codec'

/*
 * docs/format.md once more, read plainly: what is taken apart and where chunks are cut, by recursion and with
 * everything in memory.
 */

interface Part {
  /** The bytes of an OPEN or a CLOSE; of a value, none. */
  readonly op: readonly number[]
  readonly value?: unknown
}

const typedArrays = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
]

/** The chunks of a snapshot with these values. */
export function naiveChunks(values: readonly unknown[]): Buffer[] {
  const chunks: Buffer[] = []
  let ops: number[] = []
  let run = 0
  let count = 0
  let encoder = messagePackCodec.encoder()
  const endRun = () => {
    if (run > 0) ops.push(1, ...little(run, 4))
    run = 0
  }
  const cut = () => {
    endRun()
    const encoded = Buffer.alloc(encoder.bytes)
    encoder.copyTo(encoded, 0)
    chunks.push(Buffer.from([...little(count, 4), ...little(ops.length, 4), ...ops, ...encoded]))
    ops = []
    count = 0
    encoder = messagePackCodec.encoder()
  }
  for (const part of values.flatMap(partsOf)) {
    if (part.op.length > 0) {
      endRun()
      ops.push(...part.op)
    } else {
      encoder.add(part.value)
      run++
      count++
    }
    const bytes = ops.length + (run > 0 ? 5 : 0) + encoder.bytes
    if (bytes >= 262_144 || count === 65_536) cut()
  }
  if (count > 0 || ops.length > 0) cut()
  return chunks
}

function partsOf(value: unknown): Part[] {
  const taken = bound(value) > 65_536 ? takenApart(value) : undefined
  if (taken === undefined) return [{ op: [], value }]
  const [kind, size, slots] = taken
  return [{ op: [16 + kind, ...little(size, 8)] }, ...slots.flatMap(partsOf), { op: [2] }]
}

function bound(value: unknown): number {
  const sum = (values: Iterable<unknown>) => [...values].reduce<number>((all, one) => all + bound(one), 16)
  if (typeof value === 'string') return 16 + 3 * value.length
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 16 + value.byteLength
  if (Array.isArray(value)) return sum(value)
  if (value instanceof Map) return sum([...value].flat())
  if (value instanceof Set) return sum(value)
  if (typeof value === 'object' && value?.constructor === Object) return sum(Object.entries(value).flat())
  return 16
}

/** Kind, size and parts of a container. */
function takenApart(value: unknown): [number, number, unknown[]] | undefined {
  if (Array.isArray(value)) return [0, value.length, value]
  if (value instanceof Map) return [2, value.size, [...value].flatMap((entry) => entry)]
  if (value instanceof Set) return [3, value.size, [...value]]
  if (typeof value === 'string') return [4, value.length, pieces(value)]
  if (value instanceof ArrayBuffer) return [5, value.byteLength, slices(new Uint8Array(value))]
  if (ArrayBuffer.isView(value)) {
    const kind = 6 + typedArrays.findIndex((type) => value instanceof type)
    return [kind, value.byteLength, slices(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))]
  }
  if (typeof value !== 'object' || value?.constructor !== Object) return undefined
  return [1, Object.keys(value).length, Object.entries(value).flatMap((entry) => entry)]
}

function pieces(text: string): Uint8Array[] {
  const cuts: Uint8Array[] = []
  for (let at = 0; at < text.length; ) {
    const isTorn = at + 16_384 < text.length && /[\ud800-\udbff]/.test(text.charAt(at + 16_383))
    const end = at + (isTorn ? 16_383 : 16_384)
    cuts.push(new TextEncoder().encode(text.slice(at, end)))
    at = end
  }
  return cuts
}

function slices(bytes: Uint8Array): Uint8Array[] {
  const cuts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 32_768) cuts.push(bytes.subarray(at, at + 32_768))
  return cuts
}

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => Number((BigInt(value) >> BigInt(8 * index)) & 255n))
}
