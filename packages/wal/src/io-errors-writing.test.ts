import type { HoldfastError } from '@holdfast/environment'
import type { CallName, CallRecord } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { faultyMemory, openHarness, STORE, text, turns } from './log-harness.fixture.ts'

/** Lets a log live with the nth call of a kind failing: what it told of that, to whomever. */
async function live(
  on: CallName,
  nth: number,
): Promise<{ told: HoldfastError[]; call: CallRecord | undefined }> {
  const environment = faultyMemory()
  const told: HoldfastError[] = []
  const tell = (error: unknown): void => void told.push(error as HoldfastError)
  const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
  environment.files.fail({ on, nth, fault: { errno: 'EIO' } })
  for (let i = 1; i <= 8; i++) {
    await store.append(text(i, 900), i % 3 === 0 || i === 1 ? 'os' : 'disk').catch(tell)
    await turns(5)
  }
  await store.log.trim(3).catch(tell)
  await store.close().catch(tell)
  told.push(...store.moves.map(({ error }) => error), ...store.warnings, ...store.failures)
  return { told, call: environment.files.log.find(({ fault }) => fault !== undefined) }
}

/** A segment has two names, and a temporary file is there for another. */
function fileOf(path: string | undefined): string {
  const id = /-(\d{10})\.wal/.exec(path ?? '')?.[1]
  return id === undefined ? String(path).replace(/\.\w+\.tmp$/, '') : `segment ${Number(id)}`
}

/** What may be told of a call that failed, by what was being done: the file, whether it was written, and where. */
const TOLD: Record<string, (call: CallRecord) => object> = {
  'read the manifest': () => ({ file: `${STORE}/MANIFEST` }),
  'replace the file': ({ call }) => ({
    file: `${STORE}/MANIFEST`,
    outcome: call === 'rename' || call === 'syncDirectory' ? 'unknown' : 'not-written',
  }),
  'prepare the next segment': () => ({ file: 'segment 1', outcome: 'not-written' }),
  'write the header of the segment': ({ path }) => ({ file: fileOf(path), outcome: 'not-written' }),
  'write to the segment': ({ path, position }) => ({
    file: fileOf(path),
    outcome: 'unknown',
    offset: position,
  }),
  'sync the segment': ({ path }) => ({ file: fileOf(path), outcome: 'unknown' }),
  'seal the segment': ({ path }) => ({ file: fileOf(path) }),
  'close the segment': ({ path }) => ({ file: fileOf(path) }),
  'remove the file': ({ path }) => ({ file: fileOf(path) }),
  'sync the directory': () => ({ file: `${STORE}/wal` }),
  'tidy up behind the log': () => ({ file: `${STORE}/wal` }),
}

it.each<[CallName, told: string[]]>([
  ['open', ['prepare the next segment', 'read the manifest', 'replace the file']],
  ['write', ['prepare the next segment', 'replace the file', 'write to the segment']],
  ['writeThrough', ['write the header of the segment', 'seal the segment', 'write to the segment']],
  ['sync', ['prepare the next segment', 'replace the file', 'sync the segment', 'seal the segment']],
  [
    'syncDirectory',
    ['prepare the next segment', 'replace the file', 'tidy up behind the log', 'sync the directory'],
  ],
  ['rename', ['replace the file', 'tidy up behind the log']],
  ['unlink', ['remove the file']],
  ['truncate', ['seal the segment']],
  ['close', ['read the manifest', 'replace the file', 'close the segment']],
])(
  'a log says of each %s that fails what could not be done, to which file, and what became of it',
  async (on, expected) => {
    const seen = new Set<string>()
    for (let nth = 1; ; nth++) {
      const { told, call } = await live(on, nth)
      if (call === undefined) break
      // What is done ahead is tried again, and what is left behind goes another time: neither is told.
      expect(told.length, `${on} ${nth}`).toBeLessThanOrEqual(1)
      for (const { code, message, path, outcome, offset, details } of told) {
        const doing = /could not (.*?): EIO/.exec(message)?.[1] ?? message
        seen.add(doing)
        expect(
          { code, file: fileOf(path), outcome, offset, details },
          `${on} ${nth}: ${message}`,
        ).toMatchObject({
          code: 'IO_ERROR',
          details: { errno: 'EIO' },
          ...TOLD[doing]?.(call),
        })
      }
    }
    expect(seen).toEqual(new Set(expected))
  },
)

it('a log says where what was written of a batch that did not fit cannot be taken back', async () => {
  const environment = faultyMemory()
  const store = await openHarness(environment)
  await store.append(text(1, 100))
  environment.files.fail({ on: 'writeThrough', path: /\.wal/, fault: { errno: 'ENOSPC', made: true } })
  environment.files.fail({ on: 'sync', path: /\.wal/, fault: { errno: 'EIO' } })
  // Where it is written again it fits.
  expect(await store.append(text(2, 100))).toBe(2)
  expect(store.moves).toMatchObject([
    {
      error: {
        code: 'IO_ERROR',
        path: store.moves[0]?.from,
        outcome: 'unknown',
        offset: 512 + 152,
        message: expect.stringContaining('could not take back a batch that did not fit') as unknown,
      },
    },
  ])
  await store.close()
})
