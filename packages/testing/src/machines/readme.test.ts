import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('the bank in the README has the bugs that it says', async () => {
  const cwd = `${import.meta.dirname}/../..`
  const readme = await readFile(`${cwd}/README.md`, 'utf8')
  const [, program, printed] = /```ts\n([^`]*exploreCrashes.*?)```\n\n```\n(.*?)```/s.exec(readme) ?? []
  const options = [
    '--conditions=@holdfast/source',
    '--input-type=module-typescript',
    '--eval',
    String(program),
  ]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd })
  expect(stdout).toBe(printed)
})
