// Which disks a power cut can leave: all that was flushed, and of each sector written since any version that it had.
import { createHash } from 'node:crypto'
import type { SeededRandom } from '@holdfast/testing'
import type { BlockWrite } from './block-log.ts'

/** A disk writes a sector whole or not at all. */
export const SECTOR_BYTES = 512

/** What comes over the medium as it was at the last flush: by sector. */
export type Overlay = Map<number, Uint8Array>

const ZEROS = new Uint8Array(SECTOR_BYTES)

/** Which of the writes since the last flush survive a power cut, in so many kinds. */
const KINDS = {
  nothing: () => {},
  everything: (writes, _, lay) => {
    for (const write of writes) lay(write, () => true)
  },
  'some writes': (writes, random, lay) => {
    for (const write of writes) if (random.below(2) === 0) lay(write, () => true)
  },
  'some sectors': (writes, random, lay) => {
    for (const write of writes) lay(write, () => random.below(2) === 0)
  },
  'out of order': (writes, random, lay) => {
    const newest = writes.at(-1)
    if (newest !== undefined && random.below(2) === 0) lay(newest, () => true)
    else for (const write of shuffled(writes, random)) if (random.below(3) > 0) lay(write, () => true)
  },
} satisfies Record<
  string,
  (
    writes: readonly BlockWrite[],
    random: SeededRandom,
    lay: (write: BlockWrite, survives: () => boolean) => void,
  ) => void
>

export type SurvivalKind = keyof typeof KINDS
const NAMES = Object.keys(KINDS) as SurvivalKind[]
/** Drawing these again may give something else. */
const DRAWN = NAMES.slice(2)

/** The nth way of surviving: each kind once, and then those again that are drawn. */
export function survivalKind(nth: number): SurvivalKind {
  return (NAMES[nth] ?? DRAWN[(nth - NAMES.length) % DRAWN.length]) as SurvivalKind
}

/** What stands over the last flush after a power cut behind these writes. */
export function survive(writes: readonly BlockWrite[], kind: SurvivalKind, random: SeededRandom): Overlay {
  const overlay: Overlay = new Map()
  KINDS[kind](writes, random, ({ offset, length, bytes }, survives) => {
    for (let at = 0; at < length; at += SECTOR_BYTES) {
      if (!survives()) continue
      const sector = bytes === null ? ZEROS : bytes.subarray(at, at + SECTOR_BYTES)
      overlay.set((offset + at) / SECTOR_BYTES, sector)
    }
  })
  return overlay
}

/** Neighbouring sectors in one piece. */
export function* piecesOf(overlay: Overlay): Generator<{ offset: number; bytes: Uint8Array }> {
  const sectors = [...overlay.keys()].sort((a, b) => a - b)
  for (let from = 0; from < sectors.length; ) {
    let to = from + 1
    while (to < sectors.length && sectors[to] === (sectors[to - 1] as number) + 1) to += 1
    const bytes = Buffer.concat(sectors.slice(from, to).map((sector) => overlay.get(sector) as Uint8Array))
    yield { offset: (sectors[from] as number) * SECTOR_BYTES, bytes }
    from = to
  }
}

/** Two overlays of one base are the same disk if they have the same of this. */
export function digestOf(overlay: Overlay): string {
  const hash = createHash('sha1')
  for (const { offset, bytes } of piecesOf(overlay)) hash.update(`${offset}:${bytes.length}:`).update(bytes)
  return hash.digest('base64')
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items]
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T)
}
