import type { SeededRandom } from '@holdfast/testing/environment'

/** A file system that has the shutdown ioctl. Btrfs has none. */
export interface FileSystemKind {
  readonly name: 'ext4' | 'xfs'
  readonly make: readonly [program: string, ...options: string[]]
  /** Block sizes to choose from: that of pages, and a smaller one. */
  readonly blockSizes: readonly string[][]
  readonly mountOptions: readonly string[]
}

/** XFS cannot be made smaller than 300 MiB. */
export const IMAGE_BYTES = 320 * 1024 * 1024

const KINDS: readonly FileSystemKind[] = [
  {
    name: 'ext4',
    // No thread that goes on making the file system after the mount.
    make: ['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
    blockSizes: [
      ['-b', '4096'],
      ['-b', '1024'],
    ],
    // The first is what anyone gets. With `writeback` data may reach the disk after the metadata that names it.
    mountOptions: ['data=ordered', 'data=ordered', 'data=writeback', 'data=journal'],
  },
  {
    name: 'xfs',
    make: ['mkfs.xfs', '-q', '-f'],
    blockSizes: [
      ['-b', 'size=4096'],
      ['-b', 'size=1024'],
    ],
    mountOptions: ['defaults'],
  },
]

/** How one file system is made and mounted. */
export interface Formatting {
  readonly make: readonly [program: string, ...options: string[]]
  readonly mountOptions: string
}

/** The file systems that an option names: one, or `all`. */
export function fileSystemsNamed(name: string): readonly FileSystemKind[] {
  const named = KINDS.filter((kind) => name === 'all' || kind.name === name)
  if (named.length === 0) throw new TypeError(`--fs is all, ext4 or xfs, not '${name}'`)
  return named
}

export function drawFormatting(kind: FileSystemKind, random: SeededRandom): Formatting {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)] as T
  return { make: [...kind.make, ...pick(kind.blockSizes)], mountOptions: pick(kind.mountOptions) }
}
