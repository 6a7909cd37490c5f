/** Writes to a new file in each way, for a test that looks at the calls of the kernel. */
import { nodeEnvironment } from '@holdfast/environment'

const [path = ''] = process.argv.slice(2)
const file = await nodeEnvironment.files.open(path, 'create')
await file.write(Buffer.from('plain'), 0)
await file.sync()
await file.writeThrough(Buffer.from('through'), 5)
await file.close()
