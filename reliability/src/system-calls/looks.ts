// What the process under fault sees of itself and of its directory, by calls of the main thread, which nothing
// is done to.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { join, relative } from 'node:path'

const THREAD_NAME = /^libuv-worker/

/** A descriptor for these looks, where the process may have no more of them. */
let reserve = fs.openSync('/dev/null', 'r')

function looking<T>(run: () => T): T {
  fs.closeSync(reserve)
  try {
    return run()
  } finally {
    reserve = fs.openSync('/dev/null', 'r')
  }
}

/** Name to content, of everything but the lock, whose text is for people. */
export function filesNow(directory: string): Map<string, string> {
  return looking(() => {
    if (!fs.existsSync(directory)) return new Map<string, string>()
    const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
    return new Map(
      names.filter((name) => name !== 'LOCK').map((name) => [name, contentOf(join(directory, name))]),
    )
  })
}

/** Files that are not as they were. */
export function changesSince(before: ReadonlyMap<string, string>, directory: string): string[] {
  const after = filesNow(directory)
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  )
}

function contentOf(path: string): string {
  if (!fs.statSync(path).isFile()) return 'a directory'
  return createHash('sha1').update(fs.readFileSync(path)).digest('hex')
}

/** What the process has open in the directory, a path for each descriptor. */
export function openPaths(directory: string): string[] {
  const links = looking(() => fs.readdirSync('/proc/self/fd').map(linkOf))
  return links.filter((path) => path.startsWith(directory)).map((path) => relative(directory, path))
}

export function openDescriptors(): number {
  return looking(() => fs.readdirSync('/proc/self/fd').length)
}

function linkOf(descriptor: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    // That of the listing itself.
    return ''
  }
}

/** The thread that Node.js gives the calls of the file system to: there is one, by UV_THREADPOOL_SIZE. */
export function poolThread(): number {
  const threads = fs.readdirSync('/proc/self/task')
  const pool = threads.filter((id) => THREAD_NAME.test(fs.readFileSync(`/proc/self/task/${id}/comm`, 'utf8')))
  if (pool.length !== 1) throw new Error(`${pool.length} threads go by the name of libuv's, and one should`)
  return Number(pool[0])
}
