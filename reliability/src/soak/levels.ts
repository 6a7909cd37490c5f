import { basename } from 'node:path'
import type { Footprint } from './footprint.ts'
import { type Tolerance, trendOf } from './trend.ts'

const MIB = 1024 * 1024

/**
 * What the same work may leave from one third of an hour to the next without anything leaking. A writer takes
 * some 50,000 commands in a third and opens its store a hundred times, on a machine that has little time for it:
 * a leak of 30 bytes a command, or of 15 KiB an open, is above the tolerance of the heap.
 */
const TOLERANCES = {
  /** Of V8's own: code that is compiled better later on, shapes, feedback. */
  heap: { share: 0.03, absolute: MIB },
  /** Buffers that a collection happens to find still referred to. */
  external: { share: 0.03, absolute: MIB },
  /** The allocator gives pages back when it likes to, and keeps the peak of an overload. */
  rss: { share: 0.1, absolute: 16 * MIB },
  /** What is kept hangs on the sizes of the commands since the older snapshot. */
  disk: { share: 0.1, absolute: MIB },
} satisfies Record<string, Tolerance>

type Kind = keyof typeof TOLERANCES

/** A process opens some descriptors for good only when it first needs them: in its first closes. */
const WARM_UP_CLOSES = 3

/** What must stay level: descriptors exactly, memory and disk use by their trend. */
export class Levels {
  readonly #series = new Map<string, { readonly kind: Kind; readonly samples: number[] }>()
  readonly #descriptors = new Map<number, { closes: number; most: number }>()
  readonly #violations: string[] = []
  #largestDirectoryBytes = 0

  /** A process has closed everything, and holds so much. */
  closed(name: string, pid: number | undefined, print: Footprint): void {
    this.#record(`${name} heap`, 'heap', print.heapBytes)
    this.#record(`${name} external`, 'external', print.externalBytes)
    this.#record(`${name} rss`, 'rss', print.rssBytes)
    const known = this.#descriptors.get(pid ?? 0) ?? { closes: 0, most: 0 }
    known.closes += 1
    if (known.closes > WARM_UP_CLOSES && print.descriptors > known.most) {
      this.#violations.push(`${name}: ${print.descriptors} descriptors after a close, ${known.most} before`)
    }
    known.most = Math.max(known.most, print.descriptors)
    this.#descriptors.set(pid ?? 0, known)
  }

  disk(directory: string, bytes: number): void {
    this.#record(`${basename(directory)} disk`, 'disk', bytes)
    this.#largestDirectoryBytes = Math.max(this.#largestDirectoryBytes, bytes)
  }

  /** The last of each, in MiB. */
  summary(): string {
    return [...this.#series].map(([name, { samples }]) => `${name} ${mib(samples.at(-1) ?? 0)}`).join(', ')
  }

  judged(): { figures: Record<string, number | string>; violations: string[]; skipped: string[] } {
    const figures: Record<string, number | string> = {
      'largest directory, MiB': mib(this.#largestDirectoryBytes),
      'most descriptors after a close': Math.max(
        0,
        ...[...this.#descriptors.values()].map(({ most }) => most),
      ),
    }
    const violations = [...this.#violations]
    const few: string[] = []
    for (const [name, { kind, samples }] of this.#series) {
      const trend = trendOf(samples, TOLERANCES[kind])
      if (trend === undefined) {
        few.push(name)
        continue
      }
      const change = `${mib(trend.earlier)} then ${mib(trend.later)} MiB (${samples.length} samples)`
      figures[name] = change
      if (!trend.level) violations.push(`${name} grows: ${change}`)
    }
    const skipped =
      few.length === 0 ? [] : [`the trends of ${few.join(', ')}: too few samples in so short a run`]
    return { figures, violations, skipped }
  }

  #record(name: string, kind: Kind, value: number): void {
    const series = this.#series.get(name) ?? { kind, samples: [] }
    series.samples.push(value)
    this.#series.set(name, series)
  }
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 100) / 100
}
