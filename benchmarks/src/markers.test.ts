import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { markersIn, replaceBetweenMarkers } from './markers.ts'
import { PARTS } from './parts.ts'

const root = join(import.meta.dirname, '../..')

it('replaces what is between the markers of a name, and nothing else, as often as it is done', () => {
  const document = 'a\n<!-- bench:one -->\nold\n<!-- /bench -->\nb\n<!-- bench:two -->\n<!-- /bench -->\nc\n'
  const once = replaceBetweenMarkers(document, 'one', 'new\n')
  expect(once).toBe(
    'a\n<!-- bench:one -->\n\nnew\n\n<!-- /bench -->\nb\n<!-- bench:two -->\n<!-- /bench -->\nc\n',
  )
  expect(replaceBetweenMarkers(once, 'one', 'new')).toBe(once)
  expect(markersIn(once)).toEqual(['one', 'two'])
  expect(() => replaceBetweenMarkers(document, 'three', '')).toThrow("no markers for 'three'")
})

it('has a place in the documents for each section, and a section for each place', () => {
  const places = ['README.md', 'docs/performance.md'].flatMap((path) =>
    markersIn(readFileSync(join(root, path), 'utf8')),
  )
  const sections = PARTS.flatMap((part) => Object.keys(part.report([]).sections))
  expect(places.toSorted()).toEqual(sections.toSorted())
})
