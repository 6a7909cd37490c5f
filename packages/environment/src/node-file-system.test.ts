import { temporaryDirectory } from '@holdfast/testing'
import { fileSystemContract } from '@holdfast/testing/contracts'
import { NodeFileSystem } from './node-file-system.ts'

// The other platforms' code paths run here on Linux's calls: their order and their options, not their durability.
for (const platform of ['linux', 'darwin', 'win32'] as const) {
  fileSystemContract(`Node.js as on ${platform}`, async () => {
    const { path, remove } = await temporaryDirectory()
    return { files: new NodeFileSystem(platform), root: path, dispose: remove }
  })
}
