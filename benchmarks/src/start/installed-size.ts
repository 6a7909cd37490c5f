import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * What installing a package brings: the files of it and of all that it depends on, as they lie on this disk; of
 * a package of this repository, those that are packed.
 */
export function installedSize(name: string): { bytes: number; packages: number } {
  const found = new Set<string>()
  visit(name, import.meta.dirname, found)
  const [installed, ours] = [[...found].filter(isInstalled), [...found].filter((path) => !isInstalled(path))]
  const bytes = installed.reduce((sum, directory) => sum + sizeOnDisk(directory), packedSize(ours))
  return { bytes, packages: found.size }
}

/** And not linked to where it is written. */
function isInstalled(directory: string): boolean {
  return directory.includes(`${sep}node_modules${sep}`)
}

function visit(name: string, from: string, found: Set<string>): void {
  const directory = locate(name, from)
  // Optional ones for other platforms are not there.
  if (directory === undefined || found.has(directory)) return
  found.add(directory)
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    visit(dependency, directory, found)
  }
}

function locate(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (directory === dirname(directory)) return undefined
  }
}

/** Without what is installed inside of it: that is a package of its own. */
function sizeOnDisk(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? sum : sum + sizeOnDisk(path)
    return sum + statSync(path).size
  }, 0)
}

function packedSize(workspaces: readonly string[]): number {
  if (workspaces.length === 0) return 0
  const said = execFileSync(
    'npm',
    ['pack', '--dry-run', '--json', ...workspaces.map((directory) => `--workspace=${directory}`)],
    { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const packed = Object.values(JSON.parse(said) as Record<string, { readonly unpackedSize: number }>)
  return packed.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0)
}
