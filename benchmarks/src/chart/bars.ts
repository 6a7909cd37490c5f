import { number } from '../format.ts'
import type { Spread } from '../statistics.ts'
import { element, picture, text } from './svg.ts'

/**
 * What a bar is of.
 * - `ours`, `peer`: filled.
 * - `limit`: what the machine gives, and nobody gets past.
 */
export type BarKind = 'ours' | 'peer' | 'limit'

export interface Bar {
  readonly label: string
  readonly kind: BarKind
  /** Striped where what it shows was not synced. */
  readonly synced: boolean
  readonly value: Spread
}

/** Bars of one measure. The axis ends at the longest bar of what was synced; what is longer is cut off there. */
export interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
}

export interface BarChart {
  readonly title: string
  readonly subtitle: string
  readonly panels: readonly Panel[]
  /** What the bars show, with the unit: `commands a second`. */
  readonly axis: string
  /** Where the synced and the others are told apart. */
  readonly legend: boolean
}

const WIDTH = 900
const MARGIN = 20
const TOP = 76
const COLUMNS = 2
const GAP = 30
/** A letter of a label, and what is beside it. */
const LETTER_WIDTH = 7
const LABEL_GAP = 16
const VALUE_WIDTH = 74
const BAR_HEIGHT = 14
const ROW_HEIGHT = 20
const PANEL_HEAD = 22
const PANEL_FOOT = 40
const LEGEND_HEIGHT = 30

/** Panels of horizontal bars, two in a row; the whisker of a bar reaches from the lowest round to the highest. */
export function barChart({ title, subtitle, panels, axis, legend }: BarChart): string {
  const columns = Math.min(COLUMNS, Math.max(1, panels.length))
  const width = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns
  const labels = panels.flatMap(({ bars }) => bars.map(({ label }) => label.length))
  const left = Math.max(0, ...labels) * LETTER_WIDTH + LABEL_GAP
  const drawn: string[] = []
  let y = TOP
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns)
    for (const [column, panel] of row.entries()) {
      const place = `translate(${MARGIN + column * (width + GAP)} ${y})`
      drawn.push(
        element('g', { transform: place }, ...drawPanel(panel, left, width - left - VALUE_WIDTH, axis)),
      )
    }
    y += PANEL_HEAD + Math.max(...row.map(({ bars }) => bars.length)) * ROW_HEIGHT + PANEL_FOOT
  }
  return picture(
    { width: WIDTH, height: y + (legend ? LEGEND_HEIGHT : 0), title, subtitle },
    ...drawn,
    ...(legend ? drawLegend(y) : []),
  )
}

/** The bars begin at `left` and have so much room. */
function drawPanel({ title, bars }: Panel, left: number, room: number, axis: string): string[] {
  const synced = bars.filter((bar) => bar.synced)
  const longest = Math.max(0, ...(synced.length === 0 ? bars : synced).map(({ value }) => value.highest))
  const scale: Scale = { left, longest, at: (value) => left + round(Math.min(1, value / longest) * room) }
  const end = PANEL_HEAD + bars.length * ROW_HEIGHT + 2
  return [
    text(0, 12, title, { class: 'strong' }),
    ...bars.flatMap((bar, index) => drawBar(bar, PANEL_HEAD + index * ROW_HEIGHT, scale)),
    element('line', { x1: left, x2: left, y1: PANEL_HEAD - 4, y2: end, class: 'axis' }),
    element('line', { x1: left, x2: left + room, y1: end, y2: end, class: 'axis' }),
    element(
      'g',
      { class: 'muted' },
      text(left, end + 14, '0', { 'text-anchor': 'middle' }),
      text(left + room / 2, end + 14, axis, { 'text-anchor': 'middle' }),
      text(left + room, end + 14, number(longest), { 'text-anchor': 'middle' }),
    ),
  ]
}

interface Scale {
  readonly left: number
  readonly longest: number
  /** Where a value is; what is past the end is at the end. */
  readonly at: (value: number) => number
}

function drawBar({ label, kind, synced, value }: Bar, y: number, { left, longest, at }: Scale): string[] {
  const { median, lowest, highest } = value
  const box = { x: left, y, width: Math.max(1, round(at(median) - left)), height: BAR_HEIGHT }
  const [from, to] = [at(lowest), at(highest)]
  const baseline = y + BAR_HEIGHT - 3
  return [
    text(left - 8, baseline, label, {
      'text-anchor': 'end',
      ...(kind === 'ours' ? { class: 'strong' } : {}),
    }),
    element('rect', { ...box, class: kind }),
    ...(synced ? [] : [element('rect', { ...box, fill: 'url(#stripes)' })]),
    median > longest
      ? element('path', { d: `M${to - 16} ${y + BAR_HEIGHT + 1}l7 -16`, class: 'cut' })
      : element('path', {
          d: `M${from} ${y + BAR_HEIGHT / 2}H${to}M${from} ${y + 4}v6M${to} ${y + 4}v6`,
          class: 'whisker',
        }),
    text(Math.max(to, left + box.width) + 6, baseline, number(median)),
  ]
}

function drawLegend(y: number): string[] {
  const entries: readonly [BarKind, boolean, string][] = [
    ['ours', true, 'Holdfast'],
    ['peer', true, 'synced before it is acknowledged'],
    ['peer', false, 'not synced: lost with the power'],
    ['limit', true, 'the disk itself'],
  ]
  let x = MARGIN
  return entries.flatMap(([kind, synced, words]) => {
    const box = { x, y, width: BAR_HEIGHT, height: BAR_HEIGHT }
    const drawn = [
      element('rect', { ...box, class: kind }),
      ...(synced ? [] : [element('rect', { ...box, fill: 'url(#stripes)' })]),
      text(x + BAR_HEIGHT + 6, y + BAR_HEIGHT - 3, words, { class: 'muted' }),
    ]
    x += BAR_HEIGHT + 30 + words.length * 6.2
    return drawn
  })
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
