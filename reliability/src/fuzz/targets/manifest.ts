import type { Environment } from '@holdfast/environment'
import { encodeFrame } from '@holdfast/framing'
import { memoryEnvironment, MemoryFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { encodeManifest, type Manifest, readManifest } from '@holdfast/wal'
import { type Draw, pick } from '../draw.ts'
import { mutateJson } from '../mutate-json.ts'
import { mutateBytes, Scratch } from '../scratch.ts'
import { sealAt } from '../seal.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { FORMAT_SEED } from '../../reference/frames.ts'

const TEMPLATES = 64
const SCRATCH_BYTES = 64 * 1024
/** Where the second frame begins, which holds the object. */
const BODY_AT = 32
const PATH = '/store/MANIFEST'

/** `readManifest`: damaged frames, sound frames around JSON that is none, and objects that are no manifest. */
export const manifest: FuzzTarget = {
  name: 'manifest',
  share: 58,
  async prepare(seed): Promise<FuzzInputs> {
    const random = new SeededRandom(seed)
    const texts = Array.from({ length: TEMPLATES }, () => JSON.stringify(manifestOf(random)))
    const files = new MemoryFileSystem()
    const environment = memoryEnvironment(files)
    const scratch = new Scratch(SCRATCH_BYTES)
    return {
      refusals: new Set(['MANIFEST_CORRUPT', 'UNSUPPORTED_FORMAT']),
      run(draw): Promise<string> {
        make(scratch, draw, texts)
        draw.bytes = scratch.length
        files.put(PATH, scratch.bytes)
        return check(environment, files, scratch.bytes)
      },
    }
  },
}

function make(scratch: Scratch, draw: Draw, texts: readonly string[]): void {
  const { random } = draw
  const salt = random.uint32()
  let text = pick(random, texts)
  const isDamaged = random.below(4) === 0
  const header = headerOf(salt)
  for (let i = 0; i < draw.mutations && !isDamaged; i++) {
    const own = draw.mutation(i)
    if (own === undefined) continue
    if (own.below(8) === 0) mutateHeader(header, own, draw)
    else text = mutateJson(text, own, draw)
  }
  const body = Buffer.from(text, 'utf8').subarray(0, SCRATCH_BYTES - BODY_AT - 64)
  scratch.fill(header)
  scratch.append(encodeFrame({ kind: 2, payload: body }, salt))
  for (let i = 0; i < draw.mutations && isDamaged; i++) {
    const own = draw.mutation(i)
    if (own === undefined) continue
    mutateBytes(scratch, own, draw, [header, body])
    // With right checksums around them, bytes that changed reach the JSON.
    if (own.below(2) === 0 && scratch.length >= BODY_AT + 16) sealAt(scratch.bytes, BODY_AT, salt)
  }
}

function headerOf(salt: number): Buffer {
  const payload = Buffer.alloc(16)
  payload.write('HOLDFMAN', 'latin1')
  payload.writeUInt16LE(1, 8)
  payload.writeUInt32LE(salt, 12)
  return encodeFrame({ kind: 1, payload }, FORMAT_SEED)
}

function mutateHeader(header: Buffer, random: SeededRandom, draw: Draw): void {
  const at = pick(random, [0, 1, 2, 4, 16, 20, 24, 25, 26, 28])
  header[at] = random.below(256)
  sealAt(header, 0, FORMAT_SEED)
  draw.say(() => `byte ${at} of the header frame becomes ${header[at]}`)
}

/** What is read is written again as it was, and the file is as it was. */
async function check(environment: Environment, files: MemoryFileSystem, bytes: Buffer): Promise<string> {
  const read = await readManifest(environment, '/store')
  if (read === undefined) throw new Broken('no manifest was found')
  if (Object.getPrototypeOf(read) !== Object.prototype) throw new Broken('the manifest is no plain object')
  if (files.snapshot().get(PATH)?.equals(bytes) !== true) throw new Broken('the file changed')
  const written = encodeManifest(read, 7)
  files.put(PATH, written)
  const again = await readManifest(environment, '/store')
  if (again === undefined || !encodeManifest(again, 7).equals(written))
    throw new Broken('written again, it reads otherwise')
  return 'read'
}

/** A manifest with some of everything in it. */
function manifestOf(random: SeededRandom): Manifest {
  const seqs = Array.from({ length: random.below(5) }, (_, i) => i * 10)
  const segments = seqs.map((seq, i) => ({
    id: i + 1,
    salt: random.uint32(),
    ...(random.below(4) === 0 ? {} : { firstSeq: seq + 1, lastSeq: seq + 10, digest: random.uint32() }),
    bytes: 4096,
    footerOffset: 3000,
  }))
  const snapshots = seqs.slice(2).map((seq, i) => ({
    id: 100 + i,
    seq,
    bytes: 1000,
    digest: Buffer.from(random.bytes(32)).toString('hex'),
  }))
  return {
    storeId: Buffer.from(random.bytes(16)).toString('hex'),
    epoch: random.below(9),
    nextId: 200,
    segments,
    snapshots,
    trimmedThrough: random.below(3) * 10,
    ...(random.below(2) === 0 ? {} : { lastTime: 1e12, clean: { durableSeq: 40, epoch: 3 } }),
  }
}
