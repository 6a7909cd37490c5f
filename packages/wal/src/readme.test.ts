import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'

const packageDirectory = fileURLToPath(new URL('..', import.meta.url))

it('every program in the README prints what the README says', async () => {
  const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8')
  const programs = [...readme.matchAll(/```ts\n(.*?)```\n\n```\n(.*?)```/gs)]
  expect(programs).toHaveLength(2)
  const directory = await temporaryDirectory()
  await symlink(`${packageDirectory}/../../node_modules`, `${directory.path}/node_modules`)
  for (const [, program = '', printed] of programs) {
    const options = ['--conditions=@holdfast/source', '--input-type=module-typescript', '--eval', program]
    expect(execFileSync(process.execPath, options, { cwd: directory.path, encoding: 'utf8' })).toBe(printed)
  }
  await directory.remove()
})
