import { statSync } from 'node:fs'

/** The number of the device that a path is on, as /sys and /proc have it: `254:0`. */
export function deviceNumber(path: string): string {
  const { dev } = statSync(path)
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  return `${major}:${minor}`
}
