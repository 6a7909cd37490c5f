// Every call of a life to which nothing is done, and the trials of each.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, cp } from 'node:fs/promises'
import { join } from 'node:path'
import { CONDITIONS } from './conditions.ts'
import { faultsOn, howOf, wordOf } from './faults.ts'
import type { Ground } from './ground.ts'
import { SCENARIOS, type Scenario } from './script.ts'
import { Strace } from './strace.ts'
import { Subject } from './subject.ts'
import { parseTrace, roleOf, type TracedCall } from './trace.ts'
import { nameOf, type Trial } from './trial.ts'

/** A call that can be hit. */
export interface CallSite {
  readonly scenario: Scenario
  readonly call: string
  readonly nth: number
  /** What it was about, and when. */
  readonly role: string
  readonly during: string
}

/** Of the thread that runs JavaScript only the lock is asked for by a call of its own. */
const MAIN_CALLS: ReadonlySet<string> = new Set(['fcntl'])

export async function callSites(ground: Ground): Promise<CallSite[]> {
  const sites: CallSite[] = []
  for (const scenario of SCENARIOS) sites.push(...(await sitesOf(scenario, ground)))
  return sites
}

async function sitesOf(scenario: Scenario, ground: Ground): Promise<CallSite[]> {
  const place = join(ground.path, `traced-${scenario}`)
  const directory = join(place, 'store')
  await mkdir(place)
  if (scenario === 'recover') await cp(ground.crashed.directory, directory, { recursive: true })
  const subject = new Subject({ directory, scenario, compileCache: ground.compileCache })
  const { main, pool } = await subject.ready()
  const traces = { main: join(place, 'main'), pool: join(place, 'pool') }
  const straces = [await Strace.attach(main, traces.main, []), await Strace.attach(pool, traces.pool, [])]
  subject.go(() => Promise.resolve())
  const { code, told } = await subject.end()
  for (const strace of straces) await strace.detach()
  if (code !== 0) throw new Error(`a life without a fault failed: ${JSON.stringify(told.slice(-3))}`)
  const calls = async (file: string): Promise<TracedCall[]> => parseTrace(await readFile(file, 'utf8'))
  const ofMain = (await calls(traces.main)).filter(
    ({ name, path }) => MAIN_CALLS.has(name) && path.startsWith(directory),
  )
  const ofPool = (await calls(traces.pool)).filter(({ name }) => !MAIN_CALLS.has(name))
  await rm(place, { recursive: true })
  return [...ofPool, ...ofMain].map(({ name, nth, path, during }) => ({
    scenario,
    call: name,
    nth,
    role: roleOf(path, directory),
    during,
  }))
}

/**
 * All of them, in an order in which a bounded run sees as much as it can: first each kind of fault once, then
 * each kind on each file that it can hit, then all over again at other calls.
 */
export function planOf(sites: readonly CallSite[], seed: number, withDisk: boolean): Trial[] {
  const all = [
    ...sites.flatMap(({ scenario, call, nth, role }) =>
      faultsOn(call, nth).map((fault) => ({ trial: { scenario, fault }, place: `${scenario} ${role}` })),
    ),
    ...SCENARIOS.flatMap((scenario) =>
      CONDITIONS.filter(({ limit }) => withDisk || limit !== 'disk').map((fault) => ({
        trial: { scenario, fault },
        place: `${scenario} ${fault.amount}`,
      })),
    ),
  ]
  const seenOfKind = new Map<string, Set<string>>()
  const seenAtPlace = new Map<string, number>()
  const ranked = shuffled(all, seed).map(({ trial, place }) => {
    const kind = kindOf(trial)
    const places = seenOfKind.get(kind) ?? new Set()
    seenOfKind.set(kind, places.add(place))
    const again = seenAtPlace.get(`${kind} ${place}`) ?? 0
    seenAtPlace.set(`${kind} ${place}`, again + 1)
    return { trial, again, places: places.size }
  })
  // The sort is stable: what is equal stays shuffled.
  return ranked.sort((a, b) => a.again - b.again || a.places - b.places).map(({ trial }) => trial)
}

/** The call and what is done to it. */
export function kindOf({ fault }: Trial): string {
  return 'limit' in fault ? fault.limit : `${fault.call} ${wordOf(fault.how)}`
}

/** By their names alone: a process makes a few calls more or fewer each time, and the order of the rest must stay. */
function shuffled<T extends { readonly trial: Trial }>(items: readonly T[], seed: number): T[] {
  const keyOf = ({ trial }: T): string =>
    createHash('sha256')
      .update(`${seed} ${nameOf(trial)}`)
      .digest('hex')
  return items
    .map((item) => ({ item, key: keyOf(item) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ item }) => item)
}

/** The trial that `nameOf` gives this name. */
export function trialNamed(name: string): Trial {
  const [scenario, what, which, word] = name.split(':')
  const limit = CONDITIONS.find((each) => each.limit === what)?.limit
  const fault =
    limit === undefined
      ? { call: String(what), nth: Number(which), how: howOf(String(word)) }
      : { limit, amount: Number(which) }
  const trial: Trial = { scenario: scenario as Scenario, fault }
  if (!SCENARIOS.includes(trial.scenario) || nameOf(trial) !== name)
    throw new TypeError(`no trial is called ${name}`)
  return trial
}
