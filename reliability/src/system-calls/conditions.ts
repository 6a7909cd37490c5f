// What the whole process is put under, by the system's own means: a full disk, and limits.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The word for it, and how much there is. */
export interface Condition {
  readonly limit: 'disk' | 'file-size' | 'descriptors'
  /** Bytes of the disk or of a file; descriptors more than the process has when it begins. */
  readonly amount: number
}

const KIB = 1024

/** Steps that are finer where more is decided. */
export const CONDITIONS: readonly Condition[] = [
  // A tmpfs has whole pages.
  ...steps(4, 160, 4).map((kib): Condition => ({ limit: 'disk', amount: kib * KIB })),
  ...steps(160, 700, 12).map((kib): Condition => ({ limit: 'disk', amount: kib * KIB })),
  ...[0, 100, 500, 1000, 1023, 1024, 1025, 1100].map((amount): Condition => ({ limit: 'file-size', amount })),
  ...steps(1500, 6000, 300).map((amount): Condition => ({ limit: 'file-size', amount })),
  ...steps(8000, 150_000, 9000).map((amount): Condition => ({ limit: 'file-size', amount })),
  ...steps(0, 24, 1).map((amount): Condition => ({ limit: 'descriptors', amount })),
]

function steps(from: number, to: number, by: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / by) }, (_, i) => from + i * by)
}

/** What the limit makes calls fail with. */
export const ERRNOS_OF: Readonly<Record<Condition['limit'], readonly string[]>> = {
  disk: ['ENOSPC'],
  'file-size': ['EFBIG'],
  descriptors: ['EMFILE'],
}

/** Puts a running process under a limit of its own. Returns what ends it. */
export async function limitProcess(
  pid: number,
  { limit, amount }: Condition,
  descriptors: number,
): Promise<() => Promise<void>> {
  const resource = limit === 'file-size' ? 'fsize' : 'nofile'
  const soft = limit === 'file-size' ? amount : descriptors + amount
  const set = (value: string): Promise<unknown> =>
    run('prlimit', ['--pid', String(pid), `--${resource}=${value}`])
  const { stdout } = await run('prlimit', [
    '--pid',
    String(pid),
    `--${resource}`,
    '--noheadings',
    '--raw',
    '--output',
    'HARD',
  ])
  const hard = stdout.trim()
  await set(`${soft}:`)
  return async () => {
    await set(`${hard}:`)
  }
}

/** Room on a full disk. */
export async function enlargeDisk(path: string): Promise<void> {
  await run('mount', ['-o', 'remount,size=64m', path])
}

/** Whether limits can be set here; else why not. */
export async function prlimitIsMissing(): Promise<string | undefined> {
  return run('prlimit', ['--version']).then(
    () => undefined,
    () => 'prlimit (util-linux) is not installed',
  )
}
