import { exactly } from '../format.ts'
import type { Spread } from '../statistics.ts'
import { element, picture, text } from './svg.ts'

export interface Point {
  readonly x: number
  readonly y: Spread
}

export interface LineChart {
  readonly title: string
  readonly subtitle: string
  readonly xAxis: string
  readonly yAxis: string
  readonly points: readonly Point[]
  /** What stands at a point. */
  readonly say: (value: number) => string
}

const WIDTH = 900
const HEIGHT = 360
const LEFT = 90
const RIGHT = 60
const TOP = 80
const BOTTOM = 60

/** One line on two logarithmic axes: what grows in proportion goes straight up at an angle of its own. */
export function lineChart({ title, subtitle, xAxis, yAxis, points, say }: LineChart): string {
  const x = logScale(
    points.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = logScale(
    points.flatMap((point) => [point.y.lowest, point.y.highest]),
    HEIGHT - BOTTOM,
    TOP,
  )
  const path = points.map(
    (point, index) => `${index === 0 ? 'M' : 'L'}${x.at(point.x)} ${y.at(point.y.median)}`,
  )
  return picture(
    { width: WIDTH, height: HEIGHT, title, subtitle },
    ...y.ticks.flatMap((tick) => [
      element('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y.at(tick), y2: y.at(tick), class: 'axis' }),
      text(LEFT - 8, y.at(tick) + 4, say(tick), { 'text-anchor': 'end', class: 'muted' }),
    ]),
    ...x.ticks.map((tick) =>
      text(x.at(tick), HEIGHT - BOTTOM + 18, exactly(tick), { 'text-anchor': 'middle', class: 'muted' }),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40, xAxis, { 'text-anchor': 'middle' }),
    text(LEFT - 8, TOP - 12, yAxis, { 'text-anchor': 'end' }),
    element('path', { d: path.join(''), class: 'line' }),
    ...points.flatMap((point) => [
      element('line', {
        x1: x.at(point.x),
        x2: x.at(point.x),
        y1: y.at(point.y.lowest),
        y2: y.at(point.y.highest),
        class: 'whisker',
      }),
      element('circle', { cx: x.at(point.x), cy: y.at(point.y.median), r: 4, class: 'ours' }),
      text(x.at(point.x) + 8, y.at(point.y.median) + 16, say(point.y.median), { class: 'strong' }),
    ]),
  )
}

/** Powers of ten, from the one below everything to the one above. */
function logScale(
  values: readonly number[],
  from: number,
  to: number,
): { at: (value: number) => number; ticks: number[] } {
  // Of nothing: some axis.
  const shown = values.length === 0 ? [1] : values
  const lowest = Math.floor(Math.log10(Math.min(...shown)))
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...shown))))
  const at = (value: number): number =>
    Math.round((from + ((Math.log10(value) - lowest) / (highest - lowest)) * (to - from)) * 10) / 10
  return { at, ticks: Array.from({ length: highest - lowest + 1 }, (_, power) => 10 ** (lowest + power)) }
}
