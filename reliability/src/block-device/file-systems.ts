const MIB = 1024 * 1024

/** A file system as the harness makes and mounts it: small, and otherwise as anyone gets it. */
export interface FileSystemKind {
  readonly name: FileSystemName
  /** About the least that it can be made on. */
  readonly diskBytes: number
  readonly make: readonly [program: string, ...options: string[]]
  readonly mountOptions: string
  /**
   * Where its superblocks are, where one takes more than a sector: it counts on their being written whole, and refuses
   * to mount a torn one. Sizes and places are the format's.
   */
  readonly superblocks: readonly { readonly offset: number; readonly bytes: number }[]
}

export const FILE_SYSTEM_NAMES = ['ext4', 'xfs', 'btrfs'] as const
export type FileSystemName = (typeof FILE_SYSTEM_NAMES)[number]

export const FILE_SYSTEMS: Readonly<Record<FileSystemName, FileSystemKind>> = {
  ext4: {
    name: 'ext4',
    diskBytes: 64 * MIB,
    // Blocks as on a large disk, and no thread that goes on making the file system after the mount.
    make: ['mkfs.ext4', '-q', '-F', '-b', '4096', '-J', 'size=4', '-E', 'lazy_itable_init=0,nodiscard'],
    mountOptions: '',
    superblocks: [{ offset: 1024, bytes: 1024 }],
  },
  xfs: {
    name: 'xfs',
    diskBytes: 300 * MIB,
    make: ['mkfs.xfs', '-q', '-f', '-K'],
    // The same run may be replayed on another device at the same time.
    mountOptions: 'nouuid',
    superblocks: [],
  },
  btrfs: {
    name: 'btrfs',
    diskBytes: 112 * MIB,
    // One copy of each block of metadata: a second one could hide that the first was lost.
    make: ['mkfs.btrfs', '-q', '-f', '-K', '-m', 'single', '-d', 'single'],
    mountOptions: 'nodiscard',
    superblocks: [
      { offset: 64 * 1024, bytes: 4096 },
      { offset: 64 * MIB, bytes: 4096 },
    ],
  },
}

/** The file systems that an option names: one, or `all`. */
export function fileSystemsNamed(name: string): readonly FileSystemKind[] {
  if (name === 'all') return FILE_SYSTEM_NAMES.map((each) => FILE_SYSTEMS[each])
  const found = FILE_SYSTEM_NAMES.find((each) => each === name)
  if (found === undefined) throw new TypeError(`--fs is all, ${FILE_SYSTEM_NAMES.join(', ')}, not '${name}'`)
  return [FILE_SYSTEMS[found]]
}
