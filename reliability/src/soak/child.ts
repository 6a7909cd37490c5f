// A process of the soak: one that writes a store, one that reads beside the writers, or one that fills a store and measures it.
//   node child.ts write|read|small|defaults <seed> <life> <directory>...
// It reports over IPC. A writer sends each acknowledgement through a pipe at once.
import { flushCompileCache } from 'node:module'
import { fill, isFilling } from './filler.ts'
import { failed } from './parent.ts'
import { read } from './reader.ts'
import { write } from './writer.ts'

const [role, seed, life, ...directories] = process.argv.slice(2)
/** Nobody is left to work for. */
const orphaned = (): void => process.exit()
process.once('uncaughtException', failed)
process.once('disconnect', orphaned)
// Killed, it won't be able to.
flushCompileCache()
const [directory] = directories
if (role === 'write' && directory !== undefined) await write(directory, Number(seed), Number(life))
else if (isFilling(role) && directory !== undefined) await fill(directory, role, Number(seed), Number(life))
else await read(directories, Number(seed))
// From here on it ends by itself, unless the store has left something behind that keeps it alive.
process.off('disconnect', orphaned)
process.disconnect()
