// node --conditions=@holdfast/source packages/engine/src/write-golden.fixture.ts format-1|versions <directory>
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeGolden } from './golden.fixture.ts'
import { writeOldVersions } from './old-versions.fixture.ts'

const WRITERS: Record<string, () => Promise<Map<string, Buffer>>> = {
  'format-1': writeGolden,
  versions: writeOldVersions,
}

const [what = '', directory] = process.argv.slice(2)
const write = WRITERS[what]
if (write === undefined || directory === undefined) {
  throw new Error(`write-golden.fixture.ts ${Object.keys(WRITERS).join('|')} <directory>`)
}
for (const [path, bytes] of await write()) {
  const target = join(directory, path)
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, bytes, { flag: 'wx' })
}
