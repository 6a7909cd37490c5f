/** Puts a text between the markers of its name, in place of what is there. Throws where there are none. */
export function replaceBetweenMarkers(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench -->`]
  const from = document.indexOf(begin)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`the document has no markers for '${name}'`)
  return `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`
}

/** The names of the markers of a document. */
export function markersIn(document: string): string[] {
  return [...document.matchAll(/<!-- bench:(\S+) -->/g)].map(([, name]) => name as string)
}
