/** Which run it was, in a line: `seed=1 run=0 commands=2,5-7 cuts=31:nothing/4:kill`. */
export interface Replay {
  readonly seed: number
  readonly run: number
  /** The commands that it takes, by their index. */
  readonly commands: readonly number[]
  /** Where it was cut off, from the outside in; empty where it failed without. */
  readonly cuts: string
}

export function formatReplay({ seed, run, commands, cuts }: Replay): string {
  return `seed=${seed} run=${run} commands=${formatRanges(commands)} cuts=${cuts || 'none'}`
}

/** Takes a message with such a line in it as well. Throws a RangeError for what has none. */
export function parseReplay(line: string): Replay {
  const [, seed, run, commands, cuts] =
    /seed=(\d+) run=(\d+) commands=(\d+(?:[-,]\d+)*) cuts=([\w:/-]+)/.exec(line) ?? []
  if (commands === undefined || cuts === undefined)
    throw new RangeError(`'${line}' does not say which run it was`)
  return {
    seed: Number(seed),
    run: Number(run),
    commands: commands.split(',').flatMap(parseRange),
    cuts: cuts === 'none' ? '' : cuts,
  }
}

/** The cuts in words: `a power cut at operation 31 (nothing), then a kill at operation 4`. */
export function describeCuts(cuts: string): string {
  return cuts
    .split('/')
    .map((cut) => {
      const [operation, survival = ''] = cut.split(':')
      if (survival.startsWith('kill')) return `a kill at operation ${operation}`
      return `a power cut at operation ${operation} (${survival})`
    })
    .join(', then ')
}

function parseRange(range: string): number[] {
  const [first = 0, last = first] = range.split('-').map(Number)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function formatRanges(ascending: readonly number[]): string {
  const ranges: [first: number, last: number][] = []
  for (const index of ascending) {
    const range = ranges.at(-1)
    if (range?.[1] === index - 1) range[1] = index
    else ranges.push([index, index])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
