import { type Environment, type HoldfastError, isHoldfastError } from '@holdfast/environment'
import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment, MemoryFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { LogDirectory, type LogPlan, StoreDirectory, Wal } from '@holdfast/wal'
import { type Draw, pick } from '../draw.ts'
import { mutateFiles } from '../mutate-files.ts'
import { mutateModel } from '../mutate-store.ts'
import { filesOf, modelOf, relinked, type StoreModel } from '../store-model.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { WatchedFiles } from '../watched-files.ts'

const STORE = '/store'
/** One input in so many is opened for writing as well. */
const OPENED_ONE_IN = 3

/** A log on its own: the pass over a directory, and `Wal.open`, reading, appending and opening again where it is taken. */
export const log: FuzzTarget = {
  name: 'log',
  share: 4,
  async prepare(seed): Promise<FuzzInputs> {
    const models = (await Promise.all([0, 1, 2, 3].map((kind) => logOf(kind, seed)))).map(modelOf)
    return {
      refusals: new Set([
        'CORRUPT',
        'FOREIGN_FILE',
        'GAP',
        'MANIFEST_CORRUPT',
        'MANIFEST_MISSING',
        'NO_STORE',
        'UNSUPPORTED_FORMAT',
      ]),
      run: (draw) => check(mutated(pick(draw.random, models), draw), draw),
    }
  },
}

/** The files of a store, changed: as what they mean, as bytes, or both. */
export function mutated(base: StoreModel, draw: Draw): Map<string, Buffer> {
  const { random } = draw
  const isModelled = random.below(4) > 0
  const isRelinked = random.below(2) === 0
  const bytesToo = random.below(4) === 0
  let model = base
  for (let i = 0; i < draw.mutations && isModelled; i++) {
    const own = draw.mutation(i)
    if (own !== undefined) model = mutateModel(model, own, draw)
  }
  if (isRelinked && isModelled) model = relinked(model)
  const files = filesOf(model)
  for (let i = 0; i < draw.mutations; i++) {
    const own = isModelled && !(bytesToo && i === 0) ? undefined : draw.mutation(i)
    if (own !== undefined) mutateFiles(files, own, draw)
  }
  for (const bytes of files.values()) draw.bytes += bytes.length
  return files
}

/** Files of a log in one of the states that it can be found in. */
async function logOf(kind: number, seed: number): Promise<Map<string, Buffer>> {
  const environment = memoryEnvironment(new MemoryFileSystem(), seed + kind)
  const random = new SeededRandom(seed + kind)
  const text = (): Uint8Array => random.bytes(8 + random.below(kind < 2 ? 24 : 1200))
  // Each time that it is opened it begins a segment. Records that are large fill some as well.
  for (let opened = 0; ; opened++) {
    const wal = await Wal.open(STORE, { environment, segmentBytes: 4096, syncIntervalMs: 60_000 })
    await wal.append(text(), { durability: 'os' })
    await wal.appendAll([text(), text(), text()])
    for (let i = random.below(4); i >= 0; i--) await wal.append(text())
    // Killed: what it wrote last is not proven.
    if (opened === 2 && kind % 2 === 1) {
      const files = environment.files.snapshot()
      await wal.close()
      return files
    }
    if (opened === 2 && kind === 2) await wal.trim(wal.range.first + 8)
    await wal.close()
    if (opened === 2) return environment.files.snapshot()
  }
}

async function check(files: ReadonlyMap<string, Buffer>, draw: Draw): Promise<string> {
  const watched = new WatchedFiles(files)
  const environment: Environment = { ...memoryEnvironment(watched.memory, draw.index), files: watched }
  const opens = draw.index % OPENED_ONE_IN === 0
  // `Wal.open` reads everything that was not trimmed: what it finds can be compared with such a pass.
  const after = opens || draw.random.below(2) === 0 ? undefined : draw.random.below(24)
  const plan = await scanned(environment, after).catch(refusalOf)
  watched.assertUntouched('a pass over the log')
  const refusal = isHoldfastError(plan) ? plan : plan.refusal
  if (!opens) {
    if (refusal !== undefined) throw refusal
    return 'read'
  }
  // Where a reader finds no store, a writer makes one.
  const isNone = isHoldfastError(plan, 'NO_STORE')
  const lastSeq = isNone ? 0 : isHoldfastError(plan) || refusal !== undefined ? undefined : plan.lastSeq
  return watched.closing(() => written(environment, watched, lastSeq))
}

/** One pass, whose batches have to be those that its plan counts. */
async function scanned(environment: Environment, from: number | undefined): Promise<LogPlan> {
  const directory = await StoreDirectory.openForReading(STORE, environment)
  const after = from ?? directory.manifest.trimmedThrough
  const scan = new LogDirectory<never, never>(directory, bytesCodec as never).scan({ after })
  let expected: number | undefined
  let records = 0
  for await (const item of scan) {
    if (!('records' in item)) continue
    if (expected === undefined ? item.firstSeq > after + 1 : item.firstSeq !== expected)
      throw new Broken(`a batch of ${item.firstSeq} where ${expected ?? after + 1} belongs`)
    if (item.count !== item.lastSeq - item.firstSeq + 1) throw new Broken('a batch that counts itself wrong')
    expected = item.lastSeq + 1
    records += item.count
  }
  const { plan } = scan
  if (plan.refusal !== undefined) return plan
  if (plan.lastSeq < plan.provenSeq)
    throw new Broken(`${plan.provenSeq} was durable, and ${plan.lastSeq} is the last`)
  if (expected !== undefined && expected !== plan.lastSeq + 1)
    throw new Broken(`the last batch ends before ${expected}, the plan at ${plan.lastSeq}`)
  if (plan.records < records) throw new Broken(`${records} records, and the plan counts ${plan.records}`)
  return plan
}

/** A refusal is an answer. Anything else that is thrown is thrown. */
export function refusalOf(error: unknown): HoldfastError {
  if (isHoldfastError(error)) return error
  throw error
}

/** Opened for writing: everything is there, takes one more, and is there again. */
async function written(
  environment: Environment,
  watched: WatchedFiles,
  lastSeq: number | undefined,
): Promise<string> {
  let wal: Wal
  try {
    wal = await Wal.open(STORE, { environment, segmentBytes: 4096 })
  } catch (error) {
    watched.assertUntouched('a refused open')
    // Another codec's log, which this test has no codec for.
    if (isHoldfastError(error, 'INVALID_ARGUMENT') && error.message.includes('written with codec'))
      return 'other codec'
    if (isOutOfNumbers(error)) return 'no numbers left'
    if (lastSeq !== undefined) throw new Broken(`read without a refusal, and not opened: ${String(error)}`)
    throw error
  }
  const { first, last } = wal.range
  const appended = last + 1
  let before: string[] | undefined
  try {
    if (last !== lastSeq)
      throw new Broken(`reading ends at ${String(lastSeq)}, writing begins behind ${last}`)
    before = await valuesOf(wal)
    const seq = await wal.append(Buffer.from('one more'))
    if (seq !== appended) throw new Broken(`the next sequence is ${seq}, not ${appended}`)
  } finally {
    await wal.close()
  }
  const again = await Wal.open(STORE, { environment, segmentBytes: 4096 }).catch((error: unknown) => {
    if (isOutOfNumbers(error)) return undefined
    throw new Broken(`what was opened and closed cannot be opened again: ${String(error)}`)
  })
  if (again === undefined) return 'written for the last time'
  let after: string[] | undefined
  try {
    const { range } = again
    if (range.first !== first || range.last !== appended)
      throw new Broken(`${first} to ${appended} became ${range.first} to ${range.last}`)
    after = await valuesOf(again)
  } finally {
    await again.close()
  }
  if (before === undefined || after === undefined) return 'written, unreadable'
  if (after.length !== before.length + 1 || !before.every((value, i) => value === after[i]))
    throw new Broken('opened again it holds something else')
  return 'written'
}

/** The records in hex; `undefined` where bytes of a sound batch are none, which only reading them finds out. */
async function valuesOf(wal: Wal): Promise<string[] | undefined> {
  const values: string[] = []
  try {
    for await (const { seq, value } of wal.read()) {
      if (seq !== wal.range.first + values.length) throw new Broken(`record ${seq} is out of order`)
      values.push(Buffer.from(value).toString('hex'))
    }
  } catch (error) {
    if (isHoldfastError(error, 'DECODE_FAILED')) return undefined
    throw error
  }
  return values
}

/** A writer needs numbers for what it will write; a reader does not. */
export function isOutOfNumbers(error: unknown): boolean {
  return isHoldfastError(error) && /^(FOREIGN_FILE|MANIFEST_CORRUPT): .* are left /.test(error.message)
}
