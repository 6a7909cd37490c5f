import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { deviceNumber } from './block-device.ts'

/** What figures hang on. */
export interface MachineFacts {
  readonly date: string
  /** The commit that is checked out; with a `+` when there are changes that it does not have. */
  readonly commit: string
  readonly processor: string
  readonly cores: number
  readonly memoryGib: number
  readonly system: string
  readonly fileSystem: string
  readonly node: string
}

/** Of this machine, and of the file system that a directory is on. */
export function machineFacts(directory: string): MachineFacts {
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: told(commit),
    processor: cpus()[0]?.model.trim() ?? UNKNOWN,
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    fileSystem: told(() => fileSystemOf(directory)),
    node: process.version,
  }
}

/** In a sentence. */
export function describeMachine(facts: MachineFacts): string {
  const { date, commit: at, processor, cores, memoryGib, system, fileSystem, node } = facts
  return `${date}, commit ${at}: ${processor}, ${cores} cores, ${memoryGib} GiB; ${system}, ${fileSystem}; Node.js ${node}.`
}

const UNKNOWN = 'unknown'

function told(ask: () => string): string {
  try {
    return ask()
  } catch {
    return UNKNOWN
  }
}

function commit(): string {
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`
}

/** `ext4 on /dev/vda (write cache: write back)`, as Linux says it. */
function fileSystemOf(directory: string): string {
  const device = deviceNumber(directory)
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[2] === device)
  const [, kind, source] = /- (\S+) (\S+)/.exec(mount ?? '') ?? []
  const cache = told(() => readFileSync(`/sys/dev/block/${device}/queue/write_cache`, 'utf8').trim())
  return `${kind ?? UNKNOWN} on ${source ?? UNKNOWN} (write cache: ${cache})`
}
