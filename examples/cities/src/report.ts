// What is printed: progress, the table of starts, the verdict.
import { styleText } from 'node:util'
import type { Opened } from './opened.ts'

const terminal = process.stdout.isTTY === true
const BAR_CELLS = 30

/** One line that moves on a terminal; nothing elsewhere, where `say` tells what matters. */
export class Progress {
  readonly #of: number
  #shownPercent = -1

  constructor(of: number) {
    this.#of = of
  }

  show(done: number, doing: string): void {
    const percent = Math.floor((100 * done) / this.#of)
    if (!terminal || percent === this.#shownPercent) return
    this.#shownPercent = percent
    const cells = Math.round((BAR_CELLS * done) / this.#of)
    const bar = '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells)
    process.stdout.write(`\r\x1b[2K${bar} ${count(done)} of ${count(this.#of)} commands, ${doing}`)
  }

  /** A line that stays. */
  say(line: string): void {
    this.clear()
    console.log(line)
  }

  clear(): void {
    if (terminal) process.stdout.write('\r\x1b[2K')
    this.#shownPercent = -1
  }
}

export function count(number: number): string {
  return number.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** One start of the store, and how it ended. */
export interface Start {
  /** `undefined`: it never came to be open. */
  readonly opened: Opened | undefined
  /** The last acknowledgement that had been read before it. */
  readonly acknowledgedBefore: number
  readonly commandsPerSecond: number
  readonly end: string
}

export function lostBy({ acknowledgedBefore, opened }: Start): number {
  return opened === undefined ? 0 : Math.max(0, acknowledgedBefore - opened.seq)
}

const HEADS = [
  'start',
  'acknowledged',
  'recovered',
  'lost',
  'unread',
  'set aside',
  'rewritten',
  'recovery',
  'commands/s',
]

const NEVER_OPEN: readonly string[] = HEADS.slice(2).map(() => '-')

export function tableOfStarts(starts: readonly Start[]): string {
  const rows = starts.map((start, index) => {
    const { opened, acknowledgedBefore, commandsPerSecond, end } = start
    const found = opened && [
      count(opened.seq),
      count(lostBy(start)),
      count(Math.max(0, opened.seq - acknowledgedBefore)),
      `${count(opened.setAsideBytes)} B`,
      count(opened.rewritten),
      `${count(opened.ms)} ms`,
      commandsPerSecond > 0 ? count(commandsPerSecond) : '-',
    ]
    const cells = [String(index + 1), count(acknowledgedBefore), ...(found ?? NEVER_OPEN)]
    return { cells, end }
  })
  const widths = HEADS.map((head, i) =>
    Math.max(head.length, ...rows.map(({ cells }) => cells[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[], end: string): string =>
    [...cells.map((cell, i) => cell.padStart(widths[i] ?? 0)), end].join('  ')
  return [line(HEADS, 'and then'), ...rows.map(({ cells, end }) => line(cells, end))].join('\n')
}

export const LEGEND = `acknowledged  the last command whose acknowledgement had been read before this start
recovered     the last command that this start brought back
lost          commands that were acknowledged and not brought back
unread        brought back as well: the process was killed before this one had read the acknowledgement
set aside     bytes of a write that the kill cut in two; rare, since the kernel completes all but large ones
rewritten     commands that were readable, but nothing on disk proved them durable: written once more, and synced`

const PROBLEMS_SHOWN = 5

export function verdict(problems: readonly string[], acknowledged: number, kills: number): string {
  if (problems.length === 0) {
    return styleText('green', `${kills} kills, ${count(acknowledged)} commands acknowledged, 0 lost.`)
  }
  const shown = problems.slice(0, PROBLEMS_SHOWN)
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : []
  return styleText('red', [...shown, ...more].join('\n'))
}
