// Writes the golden snapshots where there are none; see golden/README.md.
import { goldenPath, writeGolden } from './golden.fixture.ts'

for (const compression of ['none', 'zstd'] as const) {
  const { name, bytes, digest } = await writeGolden(goldenPath, compression)
  console.log(`${name} ${bytes} bytes, digest ${digest}`)
}
