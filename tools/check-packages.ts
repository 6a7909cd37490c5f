// What would be published: packed, linted, its types resolved, installed in an empty folder, imported and required.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { installPacked, packPublicPackages, root, run, temporaryDirectory } from './packed.ts'

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
const names = packed.map(({ manifest }) => manifest.name)

for (const name of names) {
  check(`${name}: import`, () => {
    run(process.execPath, ['--input-type=module', '--eval', `await import('${name}')`], consumer)
  })
  check(`${name}: require`, () => {
    run(process.execPath, ['--input-type=commonjs', '--eval', `require('${name}')`], consumer)
  })
}

// A user's compiler reads the declarations themselves: no skipLibCheck, and only Node's types installed.
check('every declaration compiles in a strict project', () => {
  const file = join(consumer, 'uses-everything.ts')
  writeFileSync(file, names.map((name, index) => `export * as package${index} from '${name}'`).join('\n'))
  const options = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--module',
    'nodenext',
    '--target',
    'es2023',
  ]
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  run(join(root, 'node_modules/.bin/tsc'), [...options, ...types, file], consumer)
})

if (problems > 0) {
  console.error(`${problems} problems in the packages`)
  process.exitCode = 1
}
