import { dirname, join, resolve } from 'node:path'

/** Joins the parts of a path by the platform's rules. */
export function joinPath(...parts: string[]): string {
  return join(...parts)
}

/** The directory that a path is in. */
export function parentPath(path: string): string {
  return dirname(path)
}

/** The path from the root on, by the working directory of this moment: a later `chdir` doesn't move a store. */
export function absolutePath(path: string): string {
  return resolve(path)
}
