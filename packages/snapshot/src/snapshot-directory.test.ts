import { temporaryDirectory } from '@holdfast/testing'
import { snapshotStoreContract } from '@holdfast/testing/contracts'
import { SnapshotDirectory, type SnapshotDirectoryOptions } from './snapshot-directory.ts'

async function underTest(options: SnapshotDirectoryOptions) {
  const directory = await temporaryDirectory()
  return {
    store: () => SnapshotDirectory.open(`${directory.path}/snapshots`, options),
    dispose: () => directory.remove(),
  }
}

snapshotStoreContract('SnapshotDirectory', () => underTest({}))
snapshotStoreContract('SnapshotDirectory with zstd', () => underTest({ compression: 'zstd' }))
