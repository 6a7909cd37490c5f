// node --conditions=@holdfast/source packages/engine/src/write-golden.fixture.ts <directory>
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { STORE, writeGolden } from './golden.fixture.ts'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('write-golden.fixture.ts <directory>')
for (const [path, bytes] of await writeGolden()) {
  const target = join(directory, path.slice(STORE.length))
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, bytes, { flag: 'wx' })
}
