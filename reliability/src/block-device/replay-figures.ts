import type { TornTail } from './torn-tail.ts'

/** Counts of the same, in the order in which they first came. */
export function tally(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** In a line: `a 3, b 1`; `none` for nothing. */
export function tallyLine(counts: Readonly<Record<string, number>>): string {
  const line = Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
  return line === '' ? 'none' : line
}

/** Where a torn frame stood, and what was invalid of it. */
export function describeTornTail({ where, header, reason, cutOff }: TornTail): string {
  return `${where}, ${header === 'sound' ? 'sound header' : 'no sound header'} (${reason})${cutOff ? ', file ends in it' : ''}`
}
