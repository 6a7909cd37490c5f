import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)
const program = `${import.meta.dirname}/main.ts`

it('goes on where the first run ended', async () => {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  const start = async (): Promise<string> =>
    (await run(process.execPath, ['--conditions=@holdfast/source', program], { cwd: path })).stdout
  expect(await start()).toBe(
    '0 cities came back with 0 commands\ncommand 2: city 1 is now called Saint Petersburg\nRefusal: the command was refused: NO_SUCH_CITY\n',
  )
  expect(await start()).toMatch(/^1 cities came back with 3 commands\ncommand 5: city 2 /)
})

it('is what the README shows, in thirty lines', async () => {
  const code = await readFile(program, 'utf8')
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(30)
  const readme = await readFile(`${import.meta.dirname}/../../../README.md`, 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${code}\`\`\``)
})
