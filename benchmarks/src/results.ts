import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, type MachineFacts } from './machine-facts.ts'
import { markersIn, replaceBetweenMarkers } from './markers.ts'
import type { CellResult, Report } from './part.ts'

/** Documents with markers, from the root of the repository. */
const DOCUMENTS = ['README.md', 'docs/performance.md']
const CHARTS = 'docs/charts'

/** What a part came to. */
export interface PartResult {
  readonly name: string
  readonly results: readonly CellResult[]
  readonly report: Report
}

/** The raw rounds as JSON, the tables, the charts. */
export function writeResults(
  directory: string,
  { name, results, report }: PartResult,
  machine: MachineFacts,
): void {
  const tables = [describeMachine(machine), ...Object.values(report.sections)].join('\n\n')
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify({ machine, results }, undefined, 1)}\n`)
  writeFileSync(join(directory, `${name}.md`), `${tables}\n`)
  writeCharts(join(directory, 'charts'), report)
}

/** Puts the tables where the documents have their markers, and the charts beside them. */
export function publish(root: string, { report }: PartResult, machine: MachineFacts): void {
  for (const path of DOCUMENTS) {
    const file = join(root, path)
    let document = readFileSync(file, 'utf8')
    for (const marker of markersIn(document)) {
      const section = report.sections[marker]
      if (section === undefined) continue
      document = replaceBetweenMarkers(
        document,
        marker,
        `${section}\n\n<sub>${describeMachine(machine)}</sub>`,
      )
    }
    writeFileSync(file, document)
  }
  writeCharts(join(root, CHARTS), report)
}

function writeCharts(directory: string, { charts }: Report): void {
  mkdirSync(directory, { recursive: true })
  for (const [file, svg] of Object.entries(charts)) writeFileSync(join(directory, file), svg)
}
