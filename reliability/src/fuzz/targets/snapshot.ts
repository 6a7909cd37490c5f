import { isDeepStrictEqual } from 'node:util'
import { SnapshotDirectory, type SnapshotReader } from '@holdfast/snapshot'
import { memoryEnvironment, MemoryFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { FORMAT_SEED, frameAt } from '../../reference/frames.ts'
import { type Draw, pick } from '../draw.ts'
import { BOUNDARIES, mutateBytes, Scratch } from '../scratch.ts'
import { bomb, forged, hasZstd, mutatedChunk, mutatedHeader, reordered } from '../snapshot-forge.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { drawValue } from '../values.ts'
import { WatchedFiles } from '../watched-files.ts'

const TEMPLATES = 48
const SCRATCH_BYTES = 256 * 1024
/** A snapshot that says it is a large one is drawn once in so many inputs. */
const BOMB_ONE_IN = 50_000
/** What is read is written again, and read again, in one input of so many. */
const WRITTEN_ONE_IN = 16
const NAME = '00000000000000000009-0000000007.snap'
const PATH = `/snapshots/${NAME}`
const ENTRY = { seq: 9, id: 7, bytes: 0, name: NAME, path: PATH }
const STORE_ID = new Uint8Array(16).fill(5)

/** `SnapshotDirectory.open`, `verify` and `batches`: damaged files, and sound frames around hostile chunks. */
export const snapshot: FuzzTarget = {
  name: 'snapshot',
  share: 7,
  async prepare(seed): Promise<FuzzInputs> {
    const templates = await Promise.all(Array.from({ length: TEMPLATES }, (_, i) => templateOf(seed + i)))
    const scratch = new Scratch(SCRATCH_BYTES)
    return {
      refusals: new Set(['SNAPSHOT_CORRUPT', 'FOREIGN_FILE', 'UNSUPPORTED_FORMAT', 'UNSUPPORTED']),
      run(draw): Promise<string> {
        const bytes = made(pick(draw.random, templates), templates, scratch, draw)
        draw.bytes = bytes.length
        return check(bytes, draw)
      },
    }
  },
}

/** A snapshot as its frames: header, chunks, footer. */
interface Template {
  readonly bytes: Buffer
  readonly header: Buffer
  /** Chunks before compression. */
  readonly chunks: readonly Buffer[]
}

async function templateOf(seed: number): Promise<Template> {
  const random = new SeededRandom(seed)
  const environment = memoryEnvironment(new MemoryFileSystem(), seed)
  const options = { environment, storeId: STORE_ID, nextId: () => 7 }
  const directory = await SnapshotDirectory.open('/snapshots', options)
  const subject = { seq: 9, time: 1, machineVersion: 1, epoch: 1, note: random.bytes(random.below(20)) }
  const writer = await directory.create(subject)
  for (let count = 1 + random.below(6); count > 0; count--) await writer.write(drawValue(random))
  // Large enough to be taken apart.
  if (seed % 12 === 0) await writer.write([new Uint8Array(70_000), 'ü'.repeat(40_000), { a: [1, 2, 3] }])
  await writer.close()
  const bytes = environment.files.snapshot().get(PATH) as Buffer
  const header = frameAt(bytes, 0, { seed: FORMAT_SEED, kinds: [1], flags: 0 })
  const rules = { seed: header.payload.readUInt32LE(12), kinds: [2, 3], flags: 0 }
  const chunks: Buffer[] = []
  for (
    let found = frameAt(bytes, header.end, rules);
    found.kind === 2;
    found = frameAt(bytes, found.end, rules)
  )
    chunks.push(found.payload)
  return { bytes, header: header.payload, chunks }
}

/** Half of them are changed as bytes; the others as what they mean, in sound frames. */
function made(template: Template, templates: readonly Template[], scratch: Scratch, draw: Draw): Buffer {
  const { random } = draw
  if (random.below(BOMB_ONE_IN) === 0) return bomb(template.header, draw)
  if (random.below(3) === 0) {
    const others = templates.map(({ bytes }) => bytes)
    scratch.fill(template.bytes)
    for (let i = 0; i < draw.mutations; i++) {
      const own = draw.mutation(i)
      if (own !== undefined) mutateBytes(scratch, own, draw, others, own.below(2) === 0 ? 8 : 1)
    }
    return scratch.bytes
  }
  const isCompressed = hasZstd && random.below(6) === 0
  let { header, chunks } = template
  let footer: { readonly at: number; readonly value: number } | undefined
  for (let i = 0; i < draw.mutations; i++) {
    const own = draw.mutation(i)
    if (own === undefined) continue
    const kind = own.below(10)
    if (kind === 0) header = mutatedHeader(header, own, draw)
    else if (kind === 1) {
      footer = { at: own.below(60), value: pick(own, BOUNDARIES) }
      draw.say(() => `the footer's number at ${footer?.at} becomes ${footer?.value}`)
    } else if (kind === 2) chunks = reordered(chunks, pick(own, templates).chunks, own, draw)
    else {
      const which = own.below(chunks.length + 1)
      chunks = chunks.map((chunk, at) =>
        at === which % chunks.length ? mutatedChunk(chunk, scratch, own, draw) : chunk,
      )
    }
  }
  return forged(header, chunks, footer, isCompressed, random)
}

/** Checked without decoding, and decoded: both must say the same of it, and change nothing. */
async function check(bytes: Buffer, draw: Draw): Promise<string> {
  const watched = new WatchedFiles(new Map([[PATH, bytes]]))
  const environment = { ...memoryEnvironment(watched.memory), files: watched }
  const directory = await SnapshotDirectory.open('/snapshots', { environment, storeId: STORE_ID })
  const outcome = watched.closing(async () => {
    const reader = await directory.open(ENTRY)
    try {
      return await read(reader, draw)
    } finally {
      await reader.close()
    }
  })
  await outcome.catch(() => {})
  watched.assertUntouched('reading')
  return outcome
}

async function read(reader: SnapshotReader, draw: Draw): Promise<string> {
  const verified = await reader.verify().catch((error: unknown) => error as Error)
  const values: unknown[] = []
  for await (const batch of reader.batches()) values.push(...batch)
  // Sound and not decodable is possible; decodable and not sound is not.
  if (verified instanceof Error) throw new Broken(`decoded, and not verified: ${String(verified)}`)
  const { summary } = reader
  if (!isDeepStrictEqual(summary, verified) || values.length !== verified.entries)
    throw new Broken(`verified ${JSON.stringify(verified)}, decoded ${JSON.stringify(summary)}`)
  if (draw.index % WRITTEN_ONE_IN === 0 && values.length > 0) await writeAgain(values)
  return 'read'
}

async function writeAgain(values: readonly unknown[]): Promise<void> {
  const environment = memoryEnvironment(new MemoryFileSystem())
  const directory = await SnapshotDirectory.open('/again', { environment, storeId: STORE_ID })
  const writer = await directory.create({ seq: 9, time: 1, machineVersion: 1, epoch: 1 })
  try {
    await writer.writeAll(values)
  } catch {
    // As with any other value: bytes can say what no writer writes, -0 for one.
    return
  }
  const reader = await directory.open(await writer.close())
  const again: unknown[] = []
  for await (const batch of reader.batches()) again.push(...batch)
  await reader.close()
  if (!isDeepStrictEqual(again, values)) throw new Broken('written and read again it is something else')
}
