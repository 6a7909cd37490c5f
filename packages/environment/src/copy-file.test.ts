import { readFile, writeFile } from 'node:fs/promises'
import { FaultyFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { copyFile } from './copy-file.ts'
import { nodeEnvironment } from './node-environment.ts'

it('copies so many bytes, however short reads and writes come out, and syncs them', async () => {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251))
  await writeFile(`${path}/from`, bytes)
  const files = new FaultyFileSystem(nodeEnvironment.files)
  files.fail({ on: ['read', 'write'], times: 6, fault: { shortBytes: 100 } })
  const source = await files.open(`${path}/from`, 'read')
  await copyFile(files, source, `${path}/to`, 4000)
  expect(await readFile(`${path}/to`)).toEqual(bytes.subarray(0, 4000))
  expect(files.count('sync')).toBe(1)
  await expect(copyFile(files, source, `${path}/to`, 4000)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(copyFile(files, source, `${path}/longer`, 5001)).rejects.toThrow('ends at 5000, before 5001')
  await source.close()
})
