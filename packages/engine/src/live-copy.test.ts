import { isHoldfastError } from '@holdfast/environment'
import { MemoryFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { bank, openBank, STORE, testEnvironment } from './bank.fixture.ts'
import { open } from './open.ts'

const MOMENTS = 60
const COPIES = 400
/** Copying programs read so much at a time, roughly; small, for files that are small. */
const CHUNK_BYTES = 1024

/**
 * What a copying program would make of a store that is written meanwhile: a list of files from one moment,
 * and of each file one chunk after the other, each from a moment that is not before the last one. A file that
 * is gone by then is left out.
 */
function liveCopy(moments: readonly Map<string, Buffer>[], random: SeededRandom): Map<string, Buffer> {
  let now = random.below(moments.length)
  const later = (): Map<string, Buffer> => {
    if (random.below(3) === 0) now = Math.min(moments.length - 1, now + random.below(4))
    return moments[now] as Map<string, Buffer>
  }
  const names = [...(moments[now] as Map<string, Buffer>).keys()].filter((path) => !path.endsWith('/LOCK'))
  const copy = new Map<string, Buffer>()
  for (const path of random.below(2) === 0 ? names : names.reverse()) {
    if (!later().has(path)) continue
    // An open file is read on after it was unlinked or replaced.
    let file = (moments[now] as Map<string, Buffer>).get(path) as Buffer
    const replaced = path.endsWith('MANIFEST')
    const chunks: Buffer[] = []
    for (let at = 0; at < file.length; at += CHUNK_BYTES) {
      if (!replaced) file = later().get(path) ?? file
      chunks.push(file.subarray(at, at + CHUNK_BYTES))
    }
    copy.set(path, Buffer.concat(chunks))
  }
  return copy
}

describe('a directory that was copied while it was written', () => {
  it('opens with a prefix of the commands, or is refused: never with anything else', async () => {
    const { store, environment } = await openBank({
      segmentBytes: 4096,
      snapshot: { everyRecords: 60, keep: 2 },
    })
    const moments: Map<string, Buffer>[] = []
    const note = (n: number): string => `${n} ${'x'.repeat(n % 90)}`
    let issued = 0
    while (moments.length < MOMENTS) {
      const durability = issued % 3 === 0 ? 'disk' : 'os'
      await Promise.all(
        Array.from({ length: 1 + (issued % 7) }, () =>
          store.execute('note', note((issued += 1)), { durability }),
        ),
      )
      moments.push(environment.memory.snapshot())
    }
    const outcomes = { opened: 0, refused: 0, fallenBack: 0 }
    for (let seed = 0; seed < COPIES; seed += 1) {
      const files = MemoryFileSystem.of(liveCopy(moments, new SeededRandom(seed)))
      const copied = testEnvironment(files, 3)
      try {
        const copy = await open(STORE, bank, { environment: copied })
        const expected = Array.from({ length: copy.appliedSeq }, (_, i) => note(i + 1))
        expect(copy.state.notes, `copy ${seed}`).toEqual(expected)
        if (copy.report.setAside.length > 0) outcomes.fallenBack += 1
        outcomes.opened += 1
        await copy.close()
      } catch (error) {
        if (!isHoldfastError(error)) throw error
        outcomes.refused += 1
      }
    }
    // Both kinds are among them: otherwise this shows nothing.
    expect(outcomes.opened).toBeGreaterThan(COPIES / 10)
    expect(outcomes.refused).toBeGreaterThan(0)
    expect(outcomes.opened + outcomes.refused).toBe(COPIES)
  })
})
