import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)
const packages = `${import.meta.dirname}/../..`

it.each(['recovery', 'engine'])(
  'the programs in the README of packages/%s print what it says',
  async (name) => {
    const readme = await readFile(`${packages}/${name}/README.md`, 'utf8')
    const programs = [...readme.matchAll(/```ts\n(.*?)```\n\n```\n(.*?)```/gs)]
    expect(programs.length).toBeGreaterThan(0)
    for (const [, program, printed] of programs) {
      const { path, remove } = await temporaryDirectory()
      onTestFinished(remove)
      // Modules are found from the package; the store goes where the program runs.
      const moved = `process.chdir(${JSON.stringify(path)})\n${String(program)}`
      const options = ['--conditions=@holdfast/source', '--input-type=module-typescript', '--eval', moved]
      const { stdout } = await run(process.execPath, options, { cwd: `${packages}/${name}` })
      expect(stdout).toBe(printed)
    }
  },
)
