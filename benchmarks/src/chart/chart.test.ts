import { expect, it } from 'vitest'
import { barChart } from './bars.ts'
import { lineChart } from './lines.ts'

const value = { median: 40, lowest: 30, highest: 50 }

it('draws bars that are well-formed, with the longest round at the end of the axis', () => {
  const svg = barChart({
    title: 'Bars & <more>',
    subtitle: 'of "something"',
    axis: 'things a second',
    legend: true,
    panels: [
      { title: 'first', bars: [{ label: 'ours', kind: 'ours', synced: true, value }] },
      { title: 'second', bars: [{ label: 'theirs', kind: 'peer', synced: false, value }] },
      {
        title: 'cut off',
        bars: [
          { label: 'synced', kind: 'peer', synced: true, value },
          {
            label: 'longer',
            kind: 'peer',
            synced: false,
            value: { median: 900, lowest: 800, highest: 1000 },
          },
        ],
      },
      { title: 'empty', bars: [] },
    ],
  })
  expect(unclosed(svg)).toEqual([])
  expect(texts(svg)).toEqual(
    expect.arrayContaining([
      'Bars &#38; &#60;more&#62;',
      'ours',
      '40',
      '50',
      'not synced: lost with the power',
    ]),
  )
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  // Striped: the bars that were not synced, and their place in the legend.
  expect(svg.match(/url\(#stripes\)/g)).toHaveLength(3)
  expect(svg.match(/class="cut"/g)).toHaveLength(1)
})

it('draws a line whose points rise by as much as they grow', () => {
  const svg = lineChart({
    title: 'A line',
    subtitle: '',
    xAxis: 'records',
    yAxis: 'time',
    say: (seconds) => `${seconds} s`,
    points: [10, 100, 1000].map((x) => ({ x, y: { median: x / 100, lowest: x / 110, highest: x / 90 } })),
  })
  expect(unclosed(svg)).toEqual([])
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  const centres = [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
  const [[x1, y1], [x2, y2], [x3, y3]] = centres as [number, number][] as [
    [number, number],
    [number, number],
    [number, number],
  ]
  expect(x2 - x1).toBeCloseTo(x3 - x2, 0)
  expect(y2 - y1).toBeCloseTo(y3 - y2, 0)
  expect(y3).toBeLessThan(y1)
})

/** The elements that are opened and not closed, or closed and not opened. */
function unclosed(svg: string): string[] {
  const open: string[] = []
  for (const [, closes, name, , alone] of svg.matchAll(
    /<(\/?)([a-z]+)((?: [a-zA-Z][\w-]*="[^"<>]*")*)(\/?)>/g,
  )) {
    if (alone === '/') continue
    if (closes === '/') {
      if (open.pop() !== name) return [`</${name}>`]
    } else open.push(name as string)
  }
  return [
    ...open,
    ...(svg.replaceAll(/<\/?[a-z]+(?: [a-zA-Z][\w-]*="[^"<>]*")*\/?>/g, '').match(/[<>]/g) ?? []),
  ]
}

function texts(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, words]) => words as string)
}
