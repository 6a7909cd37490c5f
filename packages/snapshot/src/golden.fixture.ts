import { nodeEnvironment } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { SnapshotDirectory } from './snapshot-directory.ts'
import type { PublishedSnapshot, SnapshotCompression } from './snapshot-store.ts'
import { numbers } from './values.fixture.ts'

export const goldenPath: string = new URL('../golden/format-1', import.meta.url).pathname

export const goldenHeader = {
  seq: 1_234_567,
  time: 1_790_000_000_123,
  machineVersion: 3,
  epoch: 12,
  note: Uint8Array.from(numbers(20)),
} as const

/** Small values of every type, and one of each kind that is taken apart. */
export function goldenValues(): unknown[] {
  const pattern = Uint8Array.from(numbers(65_536), (index) => (index * 7) & 0xff)
  const { buffer } = pattern
  return [
    [null, undefined, true, false, 0, 1, -1, 2 ** 40, -1.5, Number.NaN, Number.POSITIVE_INFINITY],
    [
      42n,
      -(2n ** 63n),
      2n ** 64n - 1n,
      new Date(1_790_000_000_123),
      '',
      'text',
      'ü😀',
      new Uint8Array([1, 2, 3]),
    ],
    { id: 1, name: 'Anna', tags: new Set(['a', 'b']), seen: new Map([['x', 1]]) },
    { id: 2, name: 'Bert', tags: new Set(), seen: new Map() },
    numbers(5000),
    Object.fromEntries(numbers(1500).map((index) => [`key ${index}`, index])),
    new Map(numbers(2500).map((index) => [index, [index, { nested: numbers(5000 * Number(index === 9)) }]])),
    new Set(numbers(5000)),
    `${'x'.repeat(16_383)}${'😀'.repeat(3000)}`,
    {
      every: [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int16Array].map(
        (type) => new type(buffer),
      ),
    },
    { more: [Uint32Array, Int32Array, BigUint64Array, BigInt64Array].map((type) => new type(buffer)) },
    { floats: [new Float32Array(16_384).fill(1.5), new Float64Array(8192).fill(-0.25)], buffer },
  ]
}

/** Writes the golden snapshot of one compression: the same bytes each time, as far as they are not zstd's. */
export async function writeGolden(
  path: string,
  compression: SnapshotCompression,
): Promise<PublishedSnapshot> {
  const store = await SnapshotDirectory.open(path, {
    environment: { ...nodeEnvironment, random: new SeededRandom(1) },
    storeId: Uint8Array.from(numbers(16)),
    nextId: () => (compression === 'none' ? 1 : 2),
    compression,
  })
  const writer = await store.create(goldenHeader)
  await writer.writeAll(goldenValues())
  return writer.close()
}
