import { NONE } from './format.ts'

/** A table in Markdown. The first columns are words, the others numbers; one without any number is left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const wanted = head.map((_, column) => column < words || rows.some((row) => row[column] !== NONE))
  const rule = head.map((_, column) => (column < words ? '---' : '---:'))
  return [head, rule, ...rows]
    .map((cells) => `| ${cells.filter((_, column) => wanted[column]).join(' | ')} |`)
    .join('\n')
}
