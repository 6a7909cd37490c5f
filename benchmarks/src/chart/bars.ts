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

/** Bars of one measure, each panel with an axis of its own from 0 to its longest bar. */
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
  const rows = Math.max(1, ...panels.map(({ bars }) => bars.length))
  const height = PANEL_HEAD + rows * ROW_HEIGHT + PANEL_FOOT
  const drawn = panels.map((panel, index) => {
    const x = MARGIN + (index % columns) * (width + GAP)
    const y = TOP + Math.floor(index / columns) * height
    return element('g', { transform: `translate(${x} ${y})` }, ...drawPanel(panel, { left, width, axis }))
  })
  const bottom = TOP + Math.ceil(panels.length / columns) * height
  return picture(
    { width: WIDTH, height: bottom + (legend ? LEGEND_HEIGHT : 0), title, subtitle },
    ...drawn,
    ...(legend ? drawLegend(bottom + 8) : []),
  )
}

interface PanelBox {
  /** Where the bars begin. */
  readonly left: number
  readonly width: number
  readonly axis: string
}

function drawPanel({ title, bars }: Panel, { left, width, axis }: PanelBox): string[] {
  const room = width - left - VALUE_WIDTH
  const longest = Math.max(0, ...bars.map(({ value }) => value.highest))
  const scale = (value: number): number => (longest === 0 ? 0 : (value / longest) * room)
  const end = PANEL_HEAD + bars.length * ROW_HEIGHT + 2
  return [
    text(0, 12, title, { class: 'strong' }),
    ...bars.flatMap((bar, index) => drawBar(bar, left, PANEL_HEAD + index * ROW_HEIGHT, scale)),
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

function drawBar(
  { label, kind, synced, value }: Bar,
  left: number,
  y: number,
  scale: (value: number) => number,
): string[] {
  const { median, lowest, highest } = value
  const middle = y + BAR_HEIGHT / 2
  const box = { x: left, y, width: round(Math.max(1, scale(median))), height: BAR_HEIGHT }
  const [from, to] = [round(left + scale(lowest)), round(left + scale(highest))]
  const baseline = y + BAR_HEIGHT - 3
  return [
    text(left - 8, baseline, label, {
      'text-anchor': 'end',
      ...(kind === 'ours' ? { class: 'strong' } : {}),
    }),
    element('rect', { ...box, class: kind }),
    ...(synced ? [] : [element('rect', { ...box, fill: 'url(#stripes)' })]),
    element('path', { d: `M${from} ${middle}H${to}M${from} ${y + 4}v6M${to} ${y + 4}v6`, class: 'whisker' }),
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
