import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { deviceNumber } from './block-device.ts'

/** Processor time of this process up to now, with all its threads. */
export function cpuUsedUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** The most memory that this process has held at once, in MiB. */
export function peakMemoryMib(): number {
  return process.resourceUsage().maxRSS / 1024
}

/** Of a sector in the counters of the kernel, whatever the disk's own is. */
const SECTOR_BYTES = 512
/** Of the counters of a disk, the place of the sectors written. */
const SECTORS_WRITTEN = 6

/**
 * What has been written to the disk below a directory up to now, by whomever, once everything that is still to
 * be written has been. `undefined` where the system does not say.
 *
 * What Linux counts for a process (`write_bytes` in /proc/self/io) is no measure of it: it counts whole folios,
 * so that a write of a hundred bytes to a file that was preallocated in large pieces counts as a megabyte.
 */
export function diskWrittenBytes(directory: string): number | undefined {
  try {
    if (spawnSync('sync', ['-f', directory]).status !== 0) return undefined
    const counters = readFileSync(`/sys/dev/block/${deviceNumber(directory)}/stat`, 'utf8')
      .trim()
      .split(/\s+/)
    return Number(counters[SECTORS_WRITTEN]) * SECTOR_BYTES
  } catch {
    // No Linux, or a file system without a disk of its own.
    return undefined
  }
}
