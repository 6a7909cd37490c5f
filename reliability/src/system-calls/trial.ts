// One life of a process under one fault, and what became of its store.
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isHoldfastError } from '@holdfast/environment'
import { smallDisk } from '@holdfast/testing/environment'
import { open, openReadOnly } from 'holdfast'
import { killMachine } from '../kill/workload.ts'
import { Account } from './account.ts'
import { type Condition, ERRNOS_OF, enlargeDisk, limitProcess } from './conditions.ts'
import { errnoOfFault, type Fault, injectionOf, isHarmless, wordOf } from './faults.ts'
import type { Ground } from './ground.ts'
import type { Scenario } from './script.ts'
import { Strace } from './strace.ts'
import { type Ending, Subject } from './subject.ts'
import type { Told } from './told.ts'
import { hadChanged, parseTrace, roleOf, touchedAfterFailedSync, type TracedCall } from './trace.ts'
import { type Allowance, judge, type Outcome } from './verdict.ts'

/** What one process is put through. */
export interface Trial {
  readonly scenario: Scenario
  readonly fault: Fault | Condition
}

export interface TrialResult {
  readonly trial: Trial
  readonly outcome: Outcome | 'not reached'
  /** The call that was hit: `write of a segment while closing`. */
  readonly site: string | undefined
  readonly violations: readonly string[]
  readonly codes: readonly string[]
  readonly told: readonly Told[]
}

/** So that one line replays it: `create:pwrite64:17:EIO`. */
export function nameOf({ scenario, fault }: Trial): string {
  if ('limit' in fault) return `${scenario}:${fault.limit}:${fault.amount}`
  return `${scenario}:${fault.call}:${fault.nth}:${wordOf(fault.how)}`
}

const NO_GROUP = -1
const NOT_REACHED = { outcome: 'not reached', site: undefined, violations: [], codes: [], told: [] } as const

export async function runTrial(trial: Trial, ground: Ground, number: number): Promise<TrialResult> {
  const { fault } = trial
  const disk = 'limit' in fault && fault.limit === 'disk' ? await smallDisk(fault.amount) : undefined
  const place = disk?.path ?? join(ground.path, String(number))
  await mkdir(place, { recursive: true })
  const directory = join(place, 'store')
  try {
    const account = await prepare(trial, ground, directory)
    if (account === undefined) return { ...NOT_REACHED, trial }
    const { ending, calls } = await live(trial, ground, directory)
    if (disk !== undefined) await enlargeDisk(disk.path)
    const hit = calls?.find(({ injected }) => injected)
    const verdict = judge(ending, account, allowanceOf(trial, hit))
    const violations = [...verdict.violations]
    if (calls !== undefined && hit !== undefined) violations.push(...wrongInTrace(calls, hit, ending.told))
    violations.push(...(await wrongInStore(directory, account, ending.told)))
    const reached = calls === undefined || hit !== undefined || verdict.outcome === 'killed'
    if (!reached && verdict.outcome !== 'unnoticed')
      violations.push(`nothing was done to it: ${verdict.outcome}`)
    return {
      trial,
      outcome: reached ? verdict.outcome : 'not reached',
      site: hit && `${roleOf(hit.path, directory)}, ${hit.during}`,
      violations,
      codes: verdict.codes,
      told: ending.told,
    }
  } finally {
    if (disk === undefined) await rm(place, { recursive: true, force: true })
    else await disk.remove()
  }
}

/** The directory as the scenario begins with it; `undefined` where even that is too much for its disk. */
async function prepare({ scenario }: Trial, ground: Ground, directory: string): Promise<Account | undefined> {
  const account = new Account()
  if (scenario !== 'recover') return account
  for (const told of ground.crashed.told) {
    if (told.type === 'issued') account.issued(told.group, told.bytes)
    if (told.type === 'acknowledged') account.acknowledged(told.group, told.outcomes)
  }
  try {
    await cp(ground.crashed.directory, directory, { recursive: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return undefined
    throw error
  }
  return account
}

async function live(
  { scenario, fault }: Trial,
  ground: Ground,
  directory: string,
): Promise<{ ending: Ending; calls: TracedCall[] | undefined }> {
  const short = !('limit' in fault) && 'short' in fault.how ? fault : undefined
  const subject = new Subject({
    directory,
    scenario,
    shorten: short && [short.call === 'pwrite64' ? 'write' : 'read', short.nth],
    compileCache: ground.compileCache,
  })
  const traceFile = join(dirname(directory), 'trace')
  let strace: Strace | undefined
  try {
    const ready = await subject.ready()
    if ('limit' in fault) {
      const end =
        fault.limit === 'disk'
          ? () => enlargeDisk(dirname(directory))
          : await limitProcess(subject.pid, fault, ready.descriptors)
      subject.go(end)
    } else {
      const injection = injectionOf(fault)
      if (injection !== undefined) {
        const thread = fault.call === 'fcntl' ? ready.main : ready.pool
        strace = await Strace.attach(thread, traceFile, [injection])
      }
      subject.go(async () => strace?.detach())
    }
  } catch (error) {
    subject.kill()
    throw error
  }
  const ending = await subject.end()
  await strace?.detach()
  return { ending, calls: strace && parseTrace(await readFile(traceFile, 'utf8')) }
}

function allowanceOf({ fault }: Trial, hit: TracedCall | undefined): Allowance {
  if ('limit' in fault)
    return { harmless: false, deadly: false, errnos: ERRNOS_OF[fault.limit], descriptors: 0 }
  const errno = errnoOfFault(fault)
  return {
    harmless: isHarmless(fault),
    deadly: 'kill' in fault.how,
    errnos: errno === undefined ? [] : [errno],
    descriptors: hit?.name === 'close' ? 1 : 0,
  }
}

function wrongInTrace(calls: readonly TracedCall[], hit: TracedCall, told: readonly Told[]): string[] {
  const wrong: string[] = []
  const changed = told.find((each) => each.type === 'changed')
  if (hit.during === 'open' && changed !== undefined && changed.files.length > 0 && !hadChanged(calls, hit)) {
    wrong.push(`the open that failed changed ${changed.files.join(', ')}, after ${hit.line}`)
  }
  const again = touchedAfterFailedSync(calls)
  if (again !== undefined) wrong.push(`touched after a sync of it had failed: ${again.line}`)
  return wrong
}

/** Opens what the process left behind, in this one, where nothing is done to it. */
async function wrongInStore(directory: string, account: Account, told: readonly Told[]): Promise<string[]> {
  const wrong: string[] = []
  const attempt = async (what: string, run: () => Promise<void>): Promise<void> => {
    try {
      await run()
    } catch (error) {
      wrong.push(`${what}: ${(error as Error).message}`)
    }
  }
  await attempt('opened afterwards', async () => {
    const store = await open(directory, killMachine)
    try {
      account.check(store.appliedSeq, store.state)
    } finally {
      await store.close()
    }
  })
  const backup = `${directory}-backup`
  if (existsSync(backup)) await attempt('the backup', () => checkBackup(backup, account, told))
  return wrong
}

/** What was acknowledged before it was finished is in it. One that failed is a whole store or none. */
async function checkBackup(directory: string, account: Account, told: readonly Told[]): Promise<void> {
  const done = told.findIndex((each) => each.type === 'done' && each.what === 'backup')
  const before = told.slice(0, Math.max(0, done)).findLast((each) => each.type === 'acknowledged')
  try {
    const store = await openReadOnly(directory, killMachine)
    account.check(store.appliedSeq, store.state, before?.group ?? NO_GROUP)
    await store.close()
  } catch (error) {
    // Until its manifest is there, which comes last.
    const isNone = isHoldfastError(error, 'NO_STORE') || isHoldfastError(error, 'MANIFEST_MISSING')
    if (done >= 0 || !isNone) throw error
  }
}
