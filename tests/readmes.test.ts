import { execFile } from 'node:child_process'
import { readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { type ReadmeProgram, readmePrograms } from '../tools/readme.ts'

const packages = join(import.meta.dirname, '../packages')
const run = promisify(execFile)

/** Runs a program where the packages are installed and the files stand that the README has by name. */
async function output(code: string, named: readonly ReadmeProgram[]): Promise<string> {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  await symlink(join(packages, '../node_modules'), join(path, 'node_modules'))
  for (const file of [...named, { name: 'program.mts', code }])
    await writeFile(join(path, file.name ?? ''), file.code)
  const options = ['--conditions=@holdfast/source', 'program.mts']
  return (await run(process.execPath, options, { cwd: path })).stdout
}

/** `…` stands for what is another each time. */
function pattern(printed: string): RegExp {
  const parts = printed.split('…').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`)
}

it.each(await readdir(packages))(
  'the programs in the README of packages/%s do what it says',
  async (name) => {
    const programs = readmePrograms(join(packages, name))
    const named = programs.filter((program) => program.name !== undefined)
    const printing = programs.filter(({ printed }) => printed !== undefined)
    expect(printing).not.toHaveLength(0)
    for (const { code, printed } of printing)
      expect(await output(code, named)).toMatch(pattern(printed as string))
    // Tests say by themselves whether they pass.
    for (const { name: file, code } of named) if (file?.endsWith('.test.ts')) await output(code, named)
  },
  120_000,
)

it('the README of packages/testing shows a contract suite as one runs', async () => {
  const snippet = readmePrograms(join(packages, 'testing')).find(({ code }) => code.includes('Contract('))
  const [, call = 'none'] = /\n\n(.*)/s.exec(String(snippet?.code)) ?? []
  const test = await readFile(join(packages, 'testing/src/memory-file-system.test.ts'), 'utf8')
  expect(test).toContain(call)
})
