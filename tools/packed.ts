// The public packages as a user gets them: packed into tarballs, installed where no workspace is in reach.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Manifest {
  name: string
  version: string
  private?: boolean
  exports: Record<string, unknown>
}

export interface PackedPackage {
  manifest: Manifest
  /** Its directory in the repository. */
  directory: string
  tarball: string
}

/** What of a package can be imported. */
export function entriesOf({ name, exports }: Manifest): string[] {
  return Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => name + path.slice(1))
}

export const root: string = join(import.meta.dirname, '..')

/** Its own directory outside of the repository, so that nothing resolves to the workspace by accident. */
export function temporaryDirectory(purpose: string): string {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-${purpose}-`))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function run(command: string, args: readonly string[], cwd: string = root): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

export function packPublicPackages(destination: string): PackedPackage[] {
  const packages = readdirSync(join(root, 'packages'))
    .map((folder) => join(root, 'packages', folder))
    .map((directory) => ({
      directory,
      manifest: JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest,
    }))
    .filter(({ manifest }) => !manifest.private)
  const workspaces = packages.map(({ manifest }) => `--workspace=${manifest.name}`)
  run('npm', ['pack', '--silent', `--pack-destination=${destination}`, ...workspaces])
  return packages.map(({ directory, manifest }) => {
    const file = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
    return { manifest, directory, tarball: join(destination, file) }
  })
}

/** Installs the tarballs, and what they depend on, into `directory`. */
export function installPacked(packed: readonly PackedPackage[], directory: string): void {
  const dependencies = Object.fromEntries(
    packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]),
  )
  const manifest = { name: 'a-users-project', private: true, type: 'module', dependencies }
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest, null, 2))
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline'], directory)
}
