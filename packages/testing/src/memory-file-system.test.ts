import { describe, expect, it } from 'vitest'
import { fileSystemContract } from './contracts/index.ts'
import { MemoryFileSystem } from './memory-file-system.ts'

fileSystemContract('MemoryFileSystem', async () => {
  const files = new MemoryFileSystem()
  await files.makeDirectory('/root')
  return { files, root: '/root', dispose: async () => {} }
})

describe('MemoryFileSystem', () => {
  it('is copied whole, and the copy goes its own way', async () => {
    const files = new MemoryFileSystem()
    files.put('/a/b', Buffer.from('one'))
    const copy = MemoryFileSystem.of(files.snapshot())
    files.put('/a/b', Buffer.from('two'))
    expect(copy.snapshot()).toEqual(new Map([['/a/b', Buffer.from('one')]]))
  })
})
