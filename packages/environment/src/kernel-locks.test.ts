import { join } from 'node:path'
import { temporaryDirectory } from '@holdfast/testing'
import { locksContract } from '@holdfast/testing/contracts'
import { nodeEnvironmentWith } from './node-environment.ts'

for (const lock of ['kernel', 'pid-file'] as const) {
  locksContract(lock, async () => {
    const { path, remove } = await temporaryDirectory()
    return { locks: () => nodeEnvironmentWith({ lock }).locks, path: join(path, 'LOCK'), dispose: remove }
  })
}
