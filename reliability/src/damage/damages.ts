// Ways in which the files of a store are damaged. Each is a name, and a copy of the files with that done to it.
import { SeededRandom } from '@holdfast/testing/environment'
import type { Files } from './store.ts'

export interface Damage {
  readonly name: string
  readonly files: Files
}

/** Every bit of every file, or each so many-th. The same buffer each time: it is good until the next one. */
export function* flips(files: Files, every = 1): Generator<Damage> {
  for (const [path, original] of contents(files)) {
    const bytes = Buffer.from(original)
    const damaged = new Map(files).set(path, bytes)
    for (let bit = bytes.length % every; bit < bytes.length * 8; bit += every) {
      const old = bytes[bit >> 3] as number
      bytes[bit >> 3] = old ^ (1 << (bit & 7))
      yield { name: `${path}: bit ${bit}`, files: damaged }
      bytes[bit >> 3] = old
    }
  }
}

/** Every length of every file, or each so many-th; 0 and one byte less than there are always. */
export function* truncations(files: Files, every = 1): Generator<Damage> {
  for (const [path, bytes] of contents(files)) {
    for (let length = 0; length < bytes.length; length++) {
      if (length % every !== 0 && length !== bytes.length - 1) continue
      yield { name: `${path}: cut to ${length}`, files: new Map(files).set(path, bytes.subarray(0, length)) }
    }
  }
}

/** Blocks of a disk that read as zeros. */
export function* zeroedBlocks(files: Files): Generator<Damage> {
  for (const blockBytes of [512, 4096]) {
    for (const [path, original] of contents(files)) {
      for (let at = 0; at < original.length; at += blockBytes) {
        const bytes = Buffer.from(original).fill(0, at, Math.min(at + blockBytes, original.length))
        if (bytes.equals(original)) continue
        yield { name: `${path}: ${blockBytes} zeros at ${at}`, files: new Map(files).set(path, bytes) }
      }
    }
  }
}

/** Files that are gone, swapped, doubled, under other names, of another store or of an earlier moment. */
export function* mixUps(files: Files, other: Files, earlier: readonly Files[]): Generator<Damage> {
  const paths = contents(files).map(([path]) => path)
  for (const path of paths) {
    const bytes = files.get(path) as Buffer
    yield { name: `${path}: gone`, files: without(files, path) }
    for (const also of paths) {
      const theirs = files.get(also) as Buffer
      if (also === path) continue
      yield { name: `${path}: a copy of ${also}`, files: new Map(files).set(path, theirs) }
      if (also > path)
        yield {
          name: `${path}: swapped with ${also}`,
          files: new Map(files).set(path, theirs).set(also, bytes),
        }
    }
    for (const name of otherNames(path)) {
      yield { name: `${path}: also as ${name}`, files: new Map(files).set(name, bytes) }
      yield { name: `${path}: only as ${name}`, files: without(files, path).set(name, bytes) }
    }
    for (const [theirPath, theirs] of contents(other)) {
      if (kindOf(theirPath) !== kindOf(path)) continue
      yield { name: `${path}: ${theirPath} of another store`, files: new Map(files).set(path, theirs) }
      if (!files.has(theirPath))
        yield { name: `${theirPath} of another store`, files: new Map(files).set(theirPath, theirs) }
    }
    for (const [i, before] of earlier.entries()) {
      const theirs = before.get(path)
      if (theirs === undefined || theirs.equals(bytes)) continue
      yield { name: `${path}: as at moment ${i}`, files: new Map(files).set(path, theirs) }
    }
  }
  for (const folder of ['wal', 'snapshots'])
    yield {
      name: `${folder}: empty`,
      files: new Map([...files].filter(([path]) => !path.includes(`/${folder}/`))),
    }
}

/** Two at once, drawn from all that there are. */
export function* pairs(
  files: Files,
  other: Files,
  earlier: readonly Files[],
  seed: number,
  count: number,
): Generator<Damage> {
  const random = new SeededRandom(seed)
  const whole = [...mixUps(files, other, earlier), ...zeroedBlocks(files)]
  const one = (): Damage =>
    random.below(2) === 0 ? (whole[random.below(whole.length)] as Damage) : smallOne(files, random)
  for (let i = 0; i < count; i++) {
    const [first, second] = [one(), one()]
    const changed = [...second.files].filter(([path, bytes]) => files.get(path) !== bytes)
    const both = new Map(first.files)
    for (const [path, bytes] of changed) both.set(path, bytes)
    for (const path of files.keys()) if (!second.files.has(path)) both.delete(path)
    yield { name: `${first.name}; ${second.name}`, files: both }
  }
}

function smallOne(files: Files, random: SeededRandom): Damage {
  const all = contents(files)
  const [path, original] = all[random.below(all.length)] as [string, Buffer]
  if (random.below(2) === 0) {
    const length = random.below(original.length)
    return {
      name: `${path}: cut to ${length}`,
      files: new Map(files).set(path, original.subarray(0, length)),
    }
  }
  const bytes = Buffer.from(original)
  const bit = random.below(bytes.length * 8)
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
  return { name: `${path}: bit ${bit}`, files: new Map(files).set(path, bytes) }
}

/** The lock holds nothing. */
function contents(files: Files): [string, Buffer][] {
  return [...files].filter(([path]) => !path.endsWith('/LOCK'))
}

function without(files: Files, path: string): Map<string, Buffer> {
  const rest = new Map(files)
  rest.delete(path)
  return rest
}

function kindOf(path: string): string {
  return path.slice(path.lastIndexOf('.'))
}

function otherNames(path: string): string[] {
  const match = /(\d{20})-(\d{10})(\.\w+)$/.exec(path)
  if (match === null) return [`${path}.old`]
  const [, seq = '', id = '', ending = ''] = match
  const named = (newSeq: number, newId: number): string =>
    `${path.slice(0, match.index)}${String(newSeq).padStart(20, '0')}-${String(newId).padStart(10, '0')}${ending}`
  return [
    named(Number(seq) + 1, Number(id)),
    named(0, Number(id)),
    named(100_000, Number(id)),
    named(Number(seq), Number(id) + 1),
    named(Number(seq), 1000),
    named(Number(seq), 9_000_000_000),
    `${path}.0123456789abcdef.tmp`,
  ]
}
