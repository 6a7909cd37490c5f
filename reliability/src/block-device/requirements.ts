import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { BlockDevice, run } from './block-device.ts'
import type { FileSystemKind } from './file-systems.ts'
import { SECTOR_BYTES } from './survivals.ts'

/** Why this machine cannot take part in it, or `undefined`. */
export async function missingFor(kind: FileSystemKind): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'loop devices and mounting need root'
  for (const device of ['/dev/fuse', '/dev/loop-control']) {
    if (!existsSync(device)) return `there is no ${device}`
  }
  const [program] = kind.make
  if (!(await canRun(program, '-V'))) return `${program} is not installed`
  await run('modprobe', [kind.name]).catch(() => {})
  const known = await readFile('/proc/filesystems', 'utf8')
  if (!known.split(/\s+/).includes(kind.name)) return `the kernel has no ${kind.name}`
  // Root in a container may be allowed less than it looks.
  try {
    await tryOut(kind)
  } catch (error) {
    return `it cannot be done here (gcc, pkg-config, libfuse3-dev, loop devices, mounting): ${String(error).split('\n')[0]}`
  }
  return undefined
}

async function tryOut(kind: FileSystemKind): Promise<void> {
  const device = await BlockDevice.open(kind.diskBytes, SECTOR_BYTES)
  try {
    await device.make(kind)
    await device.mount(kind)
    await device.unmount()
  } finally {
    await device.close()
  }
}

async function canRun(program: string, option: string): Promise<boolean> {
  return run(program, [option]).then(
    () => true,
    () => false,
  )
}
