// What a picture is made of. Of the libraries that draw SVG without a browser, ECharts takes 67 MB where it is
// installed and Vega brings two dozen packages; Plot wants a DOM. Bars and a line are the two files beside this one.
export type Attributes = Readonly<Record<string, string | number>>

/** An element; what it holds is other elements, or nothing. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`)
  const open = `<${name}${words.join('')}`
  return content.length === 0 ? `${open}/>` : `${open}>${content.join('')}</${name}>`
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escape(words))
}

function escape(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Colours of both of GitHub's themes. The card behind brings its own background, whichever theme is around it. */
const STYLE = `
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.strong{font-weight:600}.muted,.muted text{fill:#59636e}
.card{fill:#fff;stroke:#d1d9e0}.ours{fill:#0969da}.peer{fill:#8c959f}.limit{fill:#d4a72c}
.hatch{fill:#fff;fill-opacity:.75}.axis{stroke:#d1d9e0}.whisker{stroke:#1f2328}.cut{stroke:#fff;stroke-width:3}.line{stroke:#0969da;fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.muted,.muted text{fill:#9198a1}
.card{fill:#0d1117;stroke:#3d444d}.ours{fill:#4493f8}.peer{fill:#6e7681}.limit{fill:#9e6a03}
.hatch{fill:#0d1117}.axis{stroke:#3d444d}.whisker{stroke:#f0f6fc}.cut{stroke:#0d1117}.line{stroke:#4493f8}}`

/** A whole picture: a card with a title, a line that says what it shows, and what is drawn on it. */
export function picture(
  { width, height, title, subtitle }: { width: number; height: number; title: string; subtitle: string },
  ...content: readonly string[]
): string {
  const stripes = element(
    'pattern',
    { id: 'stripes', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    element('rect', { width: 3, height: 6, class: 'hatch' }),
  )
  const svg = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': `${title}. ${subtitle}`,
    },
    element('style', {}, STYLE),
    element('defs', {}, stripes),
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8, class: 'card' }),
    text(20, 30, title, { class: 'title' }),
    text(20, 50, subtitle, { class: 'muted' }),
    ...content,
  )
  return `${svg}\n`
}
