import { execFile } from 'node:child_process'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../../..')

/** Pastes the first snippet of a README that has these words in it into a file, and runs it as anyone would. */
async function runSnippet(readme: string, words: string): Promise<string> {
  const snippets = (await readFile(join(ROOT, readme), 'utf8')).matchAll(/```ts\n(.*?)```/gs)
  const snippet = [...snippets].map(([, code]) => code).find((code) => code?.includes(words))
  if (snippet === undefined) throw new Error(`${readme} has no snippet with ${words} in it`)
  const { path, remove } = await temporaryDirectory()
  try {
    await writeFile(`${path}/snippet.mts`, snippet)
    await symlink(join(ROOT, 'node_modules'), `${path}/node_modules`)
    const options = { cwd: path }
    return (await run(process.execPath, ['--conditions=@holdfast/source', 'snippet.mts'], options)).stdout
  } finally {
    await remove()
  }
}

it('the snippet of packages/environment/README.md runs', async () => {
  expect(await runSnippet('packages/environment/README.md', 'locks')).toMatch(
    /^LOCKED: the store is open for writing in process \d+ on \S+ since /,
  )
})

it('the snippet of packages/testing/README.md runs', async () => {
  const lines = (await runSnippet('packages/testing/README.md', 'faultyEnvironment')).trim().split('\n')
  expect(lines).toEqual([expect.stringMatching(/^IO_ERROR: could not replace the file: EIO/), '2', '0'])
})
