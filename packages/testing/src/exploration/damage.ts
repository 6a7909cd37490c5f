import type { SeededRandom } from '../seeded-random.ts'
import { cutFile, flipBit, loseFile, overwrite, swapFiles } from '../simulated/damage.ts'
import type { SimulatedDisk } from '../simulated/disk.ts'
import { STORE } from './subject.ts'

/** Damages a file of the store, by one of the ways in which a disk or a person does; says which. */
export function damageAtRandom(disk: SimulatedDisk, random: SeededRandom): string {
  const paths = filesOf(disk)
  const path = paths[random.below(paths.length)] as string
  const { length } = disk.contentOf(path)
  switch (random.below(4)) {
    case 0: {
      const sector = random.below(Math.ceil(length / 512))
      overwrite(disk, path, sector * 512, Buffer.alloc(Math.min(512, length - sector * 512)))
      return `${path}: sector ${sector} is zeros`
    }
    case 1: {
      const bytes = random.below(length)
      cutFile(disk, path, bytes)
      return `${path}: cut to ${bytes}`
    }
    case 2: {
      const other = paths[random.below(paths.length)] as string
      swapFiles(disk, path, other)
      return `${path}: changed places with ${other}`
    }
    default: {
      const bit = random.below(length * 8)
      flipBit(disk, path, bit)
      return `${path}: bit ${bit} flipped`
    }
  }
}

/** After a crash, what may look like the end of the log is one. A whole file that is gone never does. */
export function loseAtRandom(disk: SimulatedDisk, random: SeededRandom): string {
  const paths = filesOf(disk)
  const path = paths[random.below(paths.length)] as string
  if (random.below(2) === 0) {
    loseFile(disk, path)
    return `${path}: gone`
  }
  overwrite(disk, path, 0, Buffer.alloc(Math.min(512, disk.contentOf(path).length)))
  return `${path}: its first sector is zeros`
}

/** The files of the store that hold anything. */
export function filesOf(disk: SimulatedDisk): string[] {
  return disk.paths().filter((path) => path.startsWith(`${STORE}/`) && disk.contentOf(path).length > 0)
}

/** Everything that a refused open must leave as it is. */
export function contentsOf(disk: SimulatedDisk): string {
  return disk
    .paths()
    .filter((path) => !path.endsWith('/LOCK'))
    .map((path) => `${path} ${disk.contentOf(path).toString('latin1')}`)
    .join('')
}
