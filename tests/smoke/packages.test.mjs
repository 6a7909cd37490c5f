// Runs in a folder where the packed tarballs are installed, under each supported Node.js: see tools/smoke.ts.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const require = createRequire(import.meta.url)
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))

/** What of a package can be imported without vitest. */
function entriesOf(name) {
  const { exports } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const paths = Object.keys(exports).filter((path) => !path.endsWith('.json') && path !== './contracts')
  return paths.map((path) => name + path.slice(1))
}

for (const name of Object.keys(dependencies).flatMap(entriesOf)) {
  test(`${name} gives the same module to import and to require`, async () => {
    const imported = await import(name)
    const required = require(name)
    assert.deepEqual(Object.keys(required), Object.keys(imported))
    for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], key)
  })
}
