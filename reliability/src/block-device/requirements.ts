import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compilePrograms, run } from './block-device.ts'
import type { FileSystemKind } from './file-systems.ts'

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
  const compiled = await mkdtemp(join(tmpdir(), 'holdfast-disk-'))
  try {
    await compilePrograms(compiled)
  } catch (error) {
    return `gcc, pkg-config and libfuse3-dev are needed: ${String(error).split('\n')[0]}`
  } finally {
    await rm(compiled, { recursive: true })
  }
  return undefined
}

async function canRun(program: string, option: string): Promise<boolean> {
  return run(program, [option]).then(
    () => true,
    () => false,
  )
}
