// tests/smoke, on the packed and installed packages, under each Node.js that users run.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { installPacked, packPublicPackages, root, run, temporaryDirectory } from './packed.ts'
import { readmePrograms } from './readme.ts'

const tests = join(root, 'tests/smoke')
const runtimes = join(tests, 'runtimes')
const reports = join(root, '.reports')

interface RuntimeManifest {
  optionalDependencies: Record<string, string>
}

/** The folder name of each runtime and the version that its package-lock pins. */
function wanted(): [folder: string, version: string][] {
  const manifest = JSON.parse(readFileSync(join(runtimes, 'package.json'), 'utf8')) as RuntimeManifest
  return Object.entries(manifest.optionalDependencies).map(([name, spec]) => [
    name,
    spec.slice(spec.lastIndexOf('@') + 1),
  ])
}

function installed(folder: string, version: string): boolean {
  const manifest = join(runtimes, 'node_modules', folder, 'package.json')
  return (
    existsSync(manifest) &&
    (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === version
  )
}

mkdirSync(reports, { recursive: true })
const versions = wanted()

if (process.platform !== 'linux' || process.arch !== 'x64') {
  const skipped = versions.map(([, version]) => version).join(', ')
  console.warn(`SKIPPED: the smoke suite on Node.js ${skipped}: their packages are for linux-x64 only,`)
  console.warn(`and this is ${process.platform}-${process.arch}. Nothing was smoke-tested here.`)
  process.exit(0)
}

if (!versions.every(([folder, version]) => installed(folder, version)))
  run('npm', ['ci', '--silent'], runtimes)

const project = temporaryDirectory('smoke')
installPacked(packPublicPackages(project), project)
const modules = readdirSync(tests).filter((file) => file.endsWith('.mjs'))
const files = modules.filter((file) => file.endsWith('.test.mjs'))
for (const file of modules) cpSync(join(tests, file), join(project, file))
// The bank and its test as the README of the testing package has them, for every Node.js there is.
for (const { name, code } of readmePrograms(join(root, 'packages/testing'))) {
  if (name === undefined) continue
  const file = name.replace('.ts', '.mjs')
  writeFileSync(join(project, file), stripTypeScriptTypes(code).replaceAll(".ts'", ".mjs'"))
  if (file.endsWith('.test.mjs')) files.push(file)
}

for (const [folder, version] of versions) {
  const node = join(runtimes, 'node_modules', folder, 'bin/node')
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  console.log(`\nNode.js ${version}`)
  const { status } = spawnSync(
    node,
    [
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${join(reports, `smoke-${version}.tap`)}`,
      ...files,
    ],
    { cwd: project, env, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (status !== 0) process.exitCode = 1
}
