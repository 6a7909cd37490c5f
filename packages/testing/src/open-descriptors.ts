import { readdir, readlink } from 'node:fs/promises'

/**
 * The paths under a directory that this process has open, once for each descriptor; `undefined` where the
 * platform can't tell (only Linux can). For tests that nothing leaks.
 */
export async function openDescriptors(directory: string): Promise<string[] | undefined> {
  if (process.platform !== 'linux') return undefined
  const links = (await readdir('/proc/self/fd')).map((name) =>
    // Closed between the two calls: the one of the listing itself, for one.
    readlink(`/proc/self/fd/${name}`).catch(() => ''),
  )
  return (await Promise.all(links))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .sort()
}
