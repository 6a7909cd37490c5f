import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const packageDirectory = fileURLToPath(new URL('..', import.meta.url))

it('the program in the README prints what the README says', () => {
  const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8')
  const [, program, printed] = /```ts\n(.*?)```\n\n```\n(.*?)```/s.exec(readme) ?? []
  const options = [
    '--conditions=@holdfast/source',
    '--input-type=module-typescript',
    '--eval',
    program as string,
  ]
  const output = execFileSync(process.execPath, options, { cwd: packageDirectory, encoding: 'utf8' })
  expect(output).toBe(printed)
})
