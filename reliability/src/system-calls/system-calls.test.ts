import { smallDisk } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { climb } from './climb.ts'
import { prlimitIsMissing } from './conditions.ts'
import { straceIsMissing } from './strace.ts'
import { hadChanged, parseTrace, roleOf, touchedAfterFailedSync } from './trace.ts'
import { nameOf } from './trial.ts'

// A longer run: `npm run reliability -- system-calls --runs 1000 --seed 7`.
const RUNS = 40
const SEED = 2026
const RUNS_MAX_MS = 300_000

const missing = (await straceIsMissing()) ?? (await prlimitIsMissing())
if (missing !== undefined) console.warn(`SKIPPED: real errors in the real process: ${missing}`)
const disk = await smallDisk(64 * 1024)
await disk?.remove()
if (disk === undefined) console.warn('SKIPPED: a store on a full disk: mounting a tmpfs is not allowed here')

it.skipIf(missing !== undefined)(
  `keeps its promises when its system calls fail (${RUNS} runs, seed ${SEED})`,
  async () => {
    const { sites, trials, violations } = await climb({ seed: SEED, runs: RUNS }, disk !== undefined)
    expect(violations).toEqual([])
    expect(sites).toBeGreaterThan(1000)
    expect(trials).toHaveLength(RUNS)
    // A call that comes at another place than in the life that was traced may be missed, but seldom.
    const reached = trials.filter(({ outcome }) => outcome !== 'not reached')
    expect(reached.length).toBeGreaterThan(0.8 * RUNS)
    expect(new Set(reached.map(({ outcome }) => outcome)).size).toBeGreaterThan(4)
    expect(new Set(trials.map(({ trial }) => nameOf(trial))).size).toBe(RUNS)
  },
  RUNS_MAX_MS,
)

describe('a trace', () => {
  const traced = (...lines: string[]) => parseTrace(lines.join('\n'))
  const [sync, write] = ['fdatasync(21</s/wal/a.wal>)', 'pwrite64(21</s/wal/a.wal>, ""..., 37, 0)']

  it('counts calls by their names, and says what they are about and when', () => {
    const [first, second, third] = traced(
      'access("/at/open", F_OK)                = -1 ENOENT (No such file or directory)',
      'rename("/s/MANIFEST.0.tmp", "/s/MANIFEST") = 0',
      `${write} = -1 EIO (Input/output error) (INJECTED)`,
      'access("/at/close", F_OK)               = -1 ENOENT (No such file or directory)',
      `42 ${write} = 37`,
      '+++ exited with 0 +++',
    )
    expect(first).toMatchObject({
      name: 'rename',
      path: '/s/MANIFEST.0.tmp',
      nth: 1,
      during: 'open',
      failed: false,
    })
    expect(second).toMatchObject({ name: 'pwrite64', nth: 1, failed: true, injected: true, during: 'open' })
    expect(third).toMatchObject({ name: 'pwrite64', nth: 2, failed: false, injected: false, during: 'close' })
  })

  it('shows a file that is used after a sync of it failed', () => {
    const failed = `${sync} = -1 EIO (Input/output error) (INJECTED)`
    expect(touchedAfterFailedSync(traced(write, failed))).toBeUndefined()
    expect(touchedAfterFailedSync(traced(failed, `${write} = 37`))?.name).toBe('pwrite64')
    expect(touchedAfterFailedSync(traced(failed, `${sync} = 0`))?.name).toBe('fdatasync')
    const interrupted = `${sync} = -1 EINTR (Interrupted system call) (INJECTED)`
    expect(touchedAfterFailedSync(traced(interrupted, `${sync} = 0`))).toBeUndefined()
  })

  it('shows whether opening had changed something before a call', () => {
    const opening = 'access("/at/open", F_OK) = -1 ENOENT (No such file or directory)'
    const lock = 'pwrite64(20</s/LOCK>, ""..., 1024, 0) = 1024'
    const hit = 'pread64(22</s/MANIFEST>, "", 200, 0) = -1 EIO (Input/output error) (INJECTED)'
    const changedBefore = (...lines: string[]): boolean => {
      const calls = traced(...lines, hit)
      return hadChanged(calls, calls.at(-1) as never)
    }
    expect(changedBefore(`${write} = 37`, opening, lock)).toBe(false)
    expect(changedBefore(opening, lock, 'mkdir("/s/wal", 0700) = -1 EEXIST (File exists)')).toBe(false)
    expect(changedBefore(opening, lock, 'mkdir("/s/wal", 0700) = 0')).toBe(true)
  })

  it('names what a path is to the store', () => {
    const roles = [
      'LOCK',
      'MANIFEST',
      'wal',
      'wal/00000000000000000007-0000000003.wal',
      'snapshots/1.snap.00.tmp',
    ]
    expect(roles.map((name) => roleOf(`/s/${name}`, '/s'))).toEqual([
      'LOCK',
      'manifest',
      'wal/',
      'segment',
      'temporary snapshot',
    ])
    expect(roleOf('/s-backup/MANIFEST', '/s')).toBe('backup manifest')
    expect(roleOf('/', '/s')).toBe('parent')
  })
})
