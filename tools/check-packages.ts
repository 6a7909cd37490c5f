// What would be published: packed, linted, its types resolved, installed in an empty folder, imported and required.
import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { entriesOf, installPacked, packPublicPackages, root, run, temporaryDirectory } from './packed.ts'
import { readmePrograms } from './readme.ts'

const directory = temporaryDirectory('packages')
const packed = packPublicPackages(directory)
let problems = 0

function check(what: string, verify: () => void): void {
  try {
    verify()
    console.log(`ok   ${what}`)
  } catch (error) {
    problems += 1
    console.error(`FAIL ${what}`)
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
    console.error(output.trim() || (error instanceof Error ? error.message : error))
  }
}

for (const { manifest, tarball } of packed) {
  const bytes = readFileSync(tarball)
  const { messages, pkg } = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
  })
  check(`${manifest.name}: publint`, () => {
    if (messages.length > 0)
      throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'))
  })
  check(`${manifest.name}: types resolve`, () => {
    run(join(root, 'node_modules/.bin/attw'), [tarball, '--profile=esm-only', '--no-color', '--no-emoji'])
  })
}

const consumer = temporaryDirectory('consumer')
installPacked(packed, consumer)
const entries = packed.flatMap(({ manifest }) => entriesOf(manifest))
/** The one entry that is for vitest's tests only: nobody gets vitest by anything else. */
const FOR_VITEST = '@holdfast/testing/contracts'
const vitest = join(consumer, 'node_modules/vitest')

check('nothing brings vitest with it', () => {
  if (existsSync(vitest)) throw new Error('it was installed')
})
for (const entry of entries.filter((name) => name !== FOR_VITEST)) {
  check(`${entry}: import`, () => {
    run(process.execPath, ['--input-type=module', '--eval', `await import('${entry}')`], consumer)
  })
  check(`${entry}: require`, () => {
    run(process.execPath, ['--input-type=commonjs', '--eval', `require('${entry}')`], consumer)
  })
}
check(`${FOR_VITEST}: import, where vitest is installed`, () => {
  symlinkSync(join(root, 'node_modules/vitest'), vitest)
  run(process.execPath, ['--input-type=module', '--eval', `await import('${FOR_VITEST}')`], consumer)
})

// A user's compiler reads the declarations themselves: no skipLibCheck, and only Node's types installed.
function compile(...files: string[]): void {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--allowImportingTsExtensions']
  const options = [...strict, '--module', 'nodenext', '--target', 'es2023']
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  run(join(root, 'node_modules/.bin/tsc'), [...options, ...types, ...files], consumer)
}

check('every declaration compiles in a strict project', () => {
  const file = join(consumer, 'uses-everything.ts')
  writeFileSync(file, entries.map((entry, index) => `export * as entry${index} from '${entry}'`).join('\n'))
  compile(file)
})

for (const { manifest, directory: source } of packed) {
  check(`${manifest.name}: the programs of its README compile in a strict project`, () => {
    const directory = mkdtempSync(join(consumer, 'readme-'))
    const whole = readmePrograms(source).filter(({ name, printed }) => (name ?? printed) !== undefined)
    for (const [index, { name, code }] of whole.entries())
      writeFileSync(join(directory, name ?? `program-${index}.ts`), code)
    compile(...readdirSync(directory).map((file) => join(directory, file)))
  })
}

if (problems > 0) {
  console.error(`${problems} problems in the packages`)
  process.exitCode = 1
}
