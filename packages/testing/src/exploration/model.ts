/** What a log must hold: what was submitted, and what came of it by when. */

/** Records that go together: all of them are there or none. */
export interface Group {
  readonly ids: readonly number[]
  readonly durability: 'disk' | 'os'
  /** Its first sequence, once it was acknowledged. */
  firstSeq: number | undefined
  /** Events at which it was acknowledged, was known to be durable, was refused. */
  acknowledgedAt: number
  durableAt: number
  refusedAt: number
  /** Of a refusal. */
  outcome: 'not-written' | 'unknown' | undefined
}

/** From one opening to the next. */
export interface Phase {
  /** What opening found: durable from then on. */
  readonly firstSeq: number
  readonly base: readonly number[]
  readonly groups: Group[]
}

/** What is known at a moment. */
export interface Observation {
  readonly phase: Phase
  readonly submitted: number
  readonly events: number
  /** What was durable, or acknowledged, at this event must be there. Default: `events`. */
  readonly requiredAt?: number
  readonly durableSeq: number
  readonly lastSeq: number
  readonly trimmedThrough: number
}

/** What a log was found to hold: the ids of its records from `firstSeq` on. */
export interface Found {
  readonly firstSeq: number
  readonly ids: readonly number[]
}

/** How the world ended: the process only, the power as well, or that and something on the disk is damaged. */
export type CutKind = 'kill' | 'power' | 'damage'

export class Model {
  readonly records: Map<number, unknown>
  #phase: Phase = { firstSeq: 1, base: [], groups: [] }
  #events = 0
  #trimmedThrough = 0
  #frozen: Observation | undefined
  /** Asked for figures of the open log. */
  log: { readonly durableSeq: number; readonly lastSeq: number } | undefined

  constructor(records: Map<number, unknown> = new Map(), start?: Observation) {
    this.records = records
    this.#frozen = start
    if (start === undefined) return
    this.#phase = start.phase
    this.#events = start.events
    this.#trimmedThrough = start.trimmedThrough
  }

  observe(): Observation {
    return (
      this.#frozen ?? {
        phase: this.#phase,
        submitted: this.#phase.groups.length,
        events: this.#events,
        durableSeq: this.log?.durableSeq ?? 0,
        lastSeq: this.log?.lastSeq ?? 0,
        trimmedThrough: this.#trimmedThrough,
      }
    )
  }

  /** The log was opened and holds this. */
  opened(found: Found): void {
    this.#frozen = undefined
    this.#phase = { firstSeq: found.firstSeq, base: found.ids, groups: [] }
    this.#events += 1
  }

  submitted(ids: readonly number[], durability: 'disk' | 'os'): Group {
    const group: Group = {
      ids,
      durability,
      firstSeq: undefined,
      acknowledgedAt: Number.POSITIVE_INFINITY,
      durableAt: Number.POSITIVE_INFINITY,
      refusedAt: Number.POSITIVE_INFINITY,
      outcome: undefined,
    }
    this.#phase.groups.push(group)
    this.#events += 1
    return group
  }

  acknowledged(group: Group, firstSeq: number | undefined): void {
    this.#events += 1
    group.firstSeq = firstSeq
    group.acknowledgedAt = this.#events
    if (group.durability === 'disk') group.durableAt = this.#events
  }

  refused(group: Group, outcome: 'not-written' | 'unknown' | undefined): void {
    this.#events += 1
    group.refusedAt = this.#events
    group.outcome = outcome
  }

  /** Everything that had been acknowledged by that event is durable now. */
  durableSince(events: number): void {
    this.#events += 1
    for (const group of this.#phase.groups) {
      if (group.acknowledgedAt <= events) group.durableAt = Math.min(group.durableAt, this.#events)
    }
  }

  get events(): number {
    return this.#events
  }

  trimming(throughSeq: number): void {
    this.#events += 1
    this.#trimmedThrough = Math.max(this.#trimmedThrough, throughSeq)
  }
}

/**
 * Throws an error that says what is wrong, if what was found is not what there may be after a crash at that
 * moment. Gives the ids of all that is there: where the record left no trace (0), of the one that must have.
 */
export function checkFound(found: Found, observed: Observation, kind: CutKind): number[] {
  const { phase, events, requiredAt = events, submitted } = observed
  const wrong = (what: string): Error =>
    new Error(`${what}; found ${describeFound(found)}; expected ${describeObservation(observed)}`)
  const lastSeq = found.firstSeq + found.ids.length - 1
  if (found.firstSeq < phase.firstSeq) throw wrong('I2: it begins before the log')
  if (found.firstSeq > phase.firstSeq && found.firstSeq > observed.trimmedThrough + 1)
    throw wrong(`I1: it begins at ${found.firstSeq}, and only ${observed.trimmedThrough} was trimmed`)
  if (lastSeq < observed.durableSeq) throw wrong(`I1: durableSeq was ${observed.durableSeq}`)
  if (kind === 'kill' && lastSeq < observed.lastSeq) throw wrong(`I1: lastSeq was ${observed.lastSeq}`)
  const idAt = (seq: number): number | undefined => found.ids[seq - found.firstSeq]

  const isThere = (seq: number, id: number | undefined): boolean => idAt(seq) === id || idAt(seq) === 0

  const all = [...phase.base]
  let seq = phase.firstSeq
  for (const id of phase.base) {
    if (seq >= found.firstSeq && !isThere(seq, id)) throw wrong(`I1: record ${id} at ${seq} is gone`)
    seq += 1
  }
  let ended = false
  for (const group of phase.groups.slice(0, submitted)) {
    const refused = group.refusedAt <= events
    const acknowledged = group.acknowledgedAt <= events
    const mustBeThere =
      group.durableAt <= requiredAt || (kind === 'kill' && group.acknowledgedAt <= requiredAt)
    const [first] = group.ids
    const trimmed = seq < found.firstSeq
    const notWritten = refused && group.outcome === 'not-written'
    const present = trimmed
      ? !refused
      : !ended && seq <= lastSeq && isThere(seq, first) && !(notWritten && idAt(seq) === 0)
    if (!present) {
      if (mustBeThere) throw wrong(`I1: record ${first} was acknowledged at ${group.firstSeq} and is gone`)
      if (!refused) ended = true
      continue
    }
    if (notWritten) throw wrong(`I3: record ${first} was refused as not written, and is there`)
    if (acknowledged && group.firstSeq !== undefined && group.firstSeq !== seq)
      throw wrong(`I2: record ${first} was acknowledged as ${group.firstSeq} and is ${seq}`)
    for (const id of group.ids) {
      if (seq >= found.firstSeq && !isThere(seq, id))
        throw wrong(`I2: of the batch of ${first}, ${id} is missing`)
      all.push(id)
      seq += 1
    }
  }
  if (seq <= lastSeq) throw wrong(`I2/I3: record ${idAt(seq)} at ${seq} does not belong there`)
  return all
}

function describeFound({ firstSeq, ids }: Found): string {
  return `${firstSeq}:[${ids.join(' ')}]`
}

function describeObservation({ phase, submitted, events, durableSeq, lastSeq }: Observation): string {
  const groups = phase.groups.slice(0, submitted).map((group) => {
    const state =
      group.refusedAt <= events
        ? `refused ${group.outcome}`
        : group.durableAt <= events
          ? 'durable'
          : group.acknowledgedAt <= events
            ? 'acknowledged'
            : 'pending'
    return `(${group.ids.join(' ')}) ${group.durability} ${state}`
  })
  return `${phase.firstSeq}:[${phase.base.join(' ')}] then ${groups.join(', ')}; durable ${durableSeq}, last ${lastSeq}`
}
