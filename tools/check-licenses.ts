// Fails on a dependency whose licence nobody here has agreed to. The lockfile carries every package's.
import { readFileSync } from 'node:fs'

interface LockedPackage {
  license?: string
  dev?: boolean
  link?: boolean
}

const forUsers = new Set([
  'MIT',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
])
/** Weak copyleft is fine for a tool that is never shipped, and so is data that wants its authors named. */
const forDevelopment = new Set([...forUsers, 'MPL-2.0', 'CC-BY-4.0'])

/** Their manifests name none; this is what their licence files are. */
const namedElsewhere: Record<string, string> = { 'node_modules/@seald-io/binary-search-tree': 'MIT' }

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockedPackage>
}
const counts = new Map<string, number>()
const refused: string[] = []

for (const [path, { license = namedElsewhere[path] ?? 'none named', dev, link }] of Object.entries(
  lock.packages,
)) {
  if (link || !path.includes('node_modules/')) continue
  const allowed = dev ? forDevelopment : forUsers
  const choices = license.replace(/[()]/g, '').split(' OR ')
  if (!choices.some((choice) => allowed.has(choice)))
    refused.push(`${path}: ${license}${dev ? ' (development)' : ''}`)
  counts.set(license, (counts.get(license) ?? 0) + 1)
}

console.log([...counts].map(([license, count]) => `${license}: ${count}`).join(', '))
if (refused.length > 0) {
  console.error(`Not on the list of licences:\n  ${refused.join('\n  ')}`)
  process.exitCode = 1
}
