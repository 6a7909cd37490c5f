import type { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from './draw.ts'
import { mutateBytes, Scratch } from './scratch.ts'

const SCRATCH_BYTES = 256 * 1024
const scratch = new Scratch(SCRATCH_BYTES)

/** Changes files as what they are to the disk: bytes under names. Checksums stay as they were. */
export function mutateFiles(files: Map<string, Buffer>, random: SeededRandom, draw: Draw): void {
  const paths = [...files.keys()]
  if (paths.length === 0) return
  const path = pick(random, paths)
  const other = pick(random, paths)
  const bytes = files.get(path) as Buffer
  switch (random.below(12)) {
    case 0:
      files.delete(path)
      return draw.say(() => `${path} is gone`)
    case 1:
      files.set(path, files.get(other) as Buffer).set(other, bytes)
      return draw.say(() => `${path} and ${other} are swapped`)
    case 2:
      files.set(path, files.get(other) as Buffer)
      return draw.say(() => `${path} is a copy of ${other}`)
    case 3: {
      const name = renamed(path, random)
      files.set(name, bytes)
      if (random.below(2) === 0) files.delete(path)
      return draw.say(() => `${path} stands under ${name}${files.has(path) ? ' too' : ''}`)
    }
    case 4:
      files.set(path, Buffer.alloc(0))
      return draw.say(() => `${path} is empty`)
    default:
      if (bytes.length > SCRATCH_BYTES) return
      scratch.fill(bytes)
      draw.say(() => `in ${path}:`)
      mutateBytes(scratch, random, draw, [...files.values()], random.below(2) === 0 ? 8 : 1)
      files.set(path, Buffer.from(scratch.bytes))
  }
}

/** A name of the same kind with other numbers in it, or hardly a name any more. */
function renamed(path: string, random: SeededRandom): string {
  const numbers = [...path.matchAll(/\d+/g)]
  const match = numbers[random.below(numbers.length)]
  if (match === undefined || random.below(8) === 0)
    return `${path}${pick(random, ['x', '.0123456789abcdef.tmp', '~'])}`
  const [digits] = match
  const value = pick(random, ['0', '1', '7', '9', '99', '9'.repeat(digits.length), '9007199254740991'])
  const padded = value.padStart(digits.length, '0').slice(-digits.length)
  return path.slice(0, match.index) + padded + path.slice(match.index + digits.length)
}
