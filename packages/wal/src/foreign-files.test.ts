import { mkdir, readdir, rename, symlink } from 'node:fs/promises'
import { nodeEnvironment } from '@holdfast/environment'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { openHarness, recovered, STORE, text, turns } from './log-harness.fixture.ts'
import { segmentName } from './segment-name.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

describe('files that do not belong', () => {
  it('are left alone, and temporary ones and prepared ones that were never used are removed', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900))
    await turns()
    const files = MemoryFileSystem.of(environment.files.snapshot())
    const foreign = [
      `${STORE}/wal/notes.txt`,
      // No sequence, and no id.
      `${STORE}/wal/99999999999999999999-0000000500.wal`,
      `${STORE}/wal/00000000000000000005-0000000000.wal`,
      `${STORE}/wal/${segmentName(5, 500)}`,
      `${STORE}/other`,
    ]
    for (const path of foreign) files.put(path, Buffer.from('not ours'))
    const leftovers = [
      `${STORE}/wal/${segmentName(4, 400)}.0123456789abcdef.tmp`,
      `${STORE}/MANIFEST.0123456789abcdef.tmp`,
      `${STORE}/wal/${segmentName(0, 401)}`,
    ]
    for (const path of leftovers) files.put(path, Buffer.alloc(64))
    const after = await recovered(files)
    const left = [...after.files.snapshot().keys()]
    for (const path of foreign) expect(left).toContain(path)
    for (const path of leftovers) expect(left).not.toContain(path)
    expect(after.plan.ignored.map(({ reason }) => reason)).toContain('prepared, and never used')
    expect(after.records).toHaveLength(3)
    await store.close()
  })

  it('the first segment of another store is not the log of one that has none', async () => {
    const environment = memoryEnvironment()
    await (await openHarness(environment, options)).close()
    const theirs = memoryEnvironment(undefined, 77)
    const other = await openHarness(theirs, options)
    await other.append('theirs')
    await other.close()
    for (const [path, bytes] of theirs.files.snapshot())
      if (path.endsWith('.wal')) environment.files.put(path, bytes)
    const after = await recovered(environment.files)
    expect(after.records).toEqual([])
    expect(after.plan.ignored).toMatchObject([{ reason: 'it belongs to another store', remove: false }])
  })

  it('a symlink in the place of a segment or of wal/ is not followed', async () => {
    const directory = await temporaryDirectory()
    const path = `${directory.path}/store`
    const store = await openHarness(nodeEnvironment, options, path)
    await store.append('a')
    await store.close()
    const [name] = (await readdir(`${path}/wal`)) as [string]
    await rename(`${path}/wal/${name}`, `${directory.path}/segment`)
    await symlink(`${directory.path}/segment`, `${path}/wal/${name}`)
    await expect(openHarness(nodeEnvironment, options, path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    await rename(`${path}/wal`, `${directory.path}/wal`)
    await symlink(`${directory.path}/wal`, `${path}/wal`)
    await expect(openHarness(nodeEnvironment, options, path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    await mkdir(`${directory.path}/empty`)
    await symlink(`${directory.path}/empty`, `${directory.path}/fresh`)
    await directory.remove()
  })
})
