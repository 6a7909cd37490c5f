import { readdir } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openDescriptors } from '@holdfast/testing/environment'

/** What a process holds while it has no store open. */
export interface Footprint {
  readonly rssBytes: number
  /** After everything that can be collected has been. */
  readonly heapBytes: number
  /** Buffers and the like, outside the heap. */
  readonly externalBytes: number
  readonly descriptors: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Throws if this process has anything open in these directories. */
export async function footprint(directories: readonly string[]): Promise<Footprint> {
  for (const directory of directories) {
    const open = await openDescriptors(directory)
    if (open !== undefined && open.length > 0) throw new Error(`open after close: ${open.join(', ')}`)
  }
  // What was held by a finalizer goes with the second.
  collectGarbage()
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  collectGarbage()
  const { rss, heapUsed, external } = process.memoryUsage()
  const descriptors = (await readdir('/proc/self/fd')).length
  return { rssBytes: rss, heapBytes: heapUsed, externalBytes: external, descriptors }
}
