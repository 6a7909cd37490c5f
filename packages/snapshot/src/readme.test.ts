import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'

const packageDirectory = fileURLToPath(new URL('..', import.meta.url))

it('the program in the README prints what the README says, and leaves one snapshot', async () => {
  const directory = await temporaryDirectory()
  const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8')
  const [, program, printed] = /```ts\n(.*?)```\n\n```\n(.*?)```/s.exec(readme) ?? []
  const there = `${directory.path}/data/snapshots`
  const options = ['--conditions=@holdfast/source', '--input-type=module-typescript', '--eval']
  const output = execFileSync(
    process.execPath,
    [...options, String(program).replace('data/snapshots', there)],
    {
      cwd: packageDirectory,
      encoding: 'utf8',
    },
  )
  expect(output).toBe(printed)
  expect(readdirSync(there)).toEqual(['00000000000000001000-0000000001.snap'])
  await directory.remove()
})
