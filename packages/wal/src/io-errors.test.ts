import type { HoldfastError } from '@holdfast/environment'
import { type CallName, type CallRecord, MemoryFileSystem } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { deferred, faultyMemory, openHarness, readAll, STORE, text, turns } from './log-harness.fixture.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }
const READING: readonly CallName[] = ['open', 'read', 'list', 'stat', 'size']
const WRITING: readonly CallName[] = [
  'write',
  'writeThrough',
  'sync',
  'syncDirectory',
  'rename',
  'unlink',
  'makeDirectory',
]

/** A log with the segments [1-3], [4-6] and [7-8]. */
async function filled(environment: ReturnType<typeof faultyMemory>): ReturnType<typeof openHarness> {
  const store = await openHarness(environment, options)
  for (let i = 1; i <= 8; i++) await store.append(text(i, 900))
  await turns()
  return store
}

/** A temporary file is there for another, and what is done to a directory is done for what is in it. */
function isAbout(path: string | undefined, { path: called }: CallRecord): boolean {
  const [a, b] = [String(path), called].map((each) => `${each.replace(/\.\w+\.tmp$/, '')}/`) as [
    string,
    string,
  ]
  return a.startsWith(b) || b.startsWith(a) || called === '/'
}

/** Makes one call after another fail: each time it is refused, and the error leads to the file. */
async function failEach(
  calls: readonly CallName[],
  path: RegExp,
  start: () => Promise<{ environment: ReturnType<typeof faultyMemory>; act: () => Promise<unknown> }>,
): Promise<number> {
  let failed = 0
  for (const on of calls) {
    for (let nth = 1; ; nth++) {
      const { environment, act } = await start()
      environment.files.clearLog()
      const rule = environment.files.fail({ on, path, nth, fault: { errno: 'EIO' } })
      const error: unknown = await act().then(
        () => undefined,
        (refused: unknown) => refused,
      )
      rule.remove()
      if (rule.hits === 0) break
      failed += 1
      expect(error, `${on} ${nth}`).toMatchObject({
        code: 'IO_ERROR',
        message: expect.stringMatching(/^IO_ERROR: could not (?!undefined)/) as unknown,
        details: { errno: 'EIO' },
      })
      const call = environment.files.log.find(({ fault }) => fault !== undefined) as CallRecord
      expect(error, `${on} ${nth}`).toSatisfy(({ path: named }: HoldfastError) => isAbout(named, call))
    }
  }
  return failed
}

it('opening is refused by each call that fails, and says what could not be done, and to which file', async () => {
  const crashed = faultyMemory()
  const store = await filled(crashed)
  const files = crashed.memory.snapshot()
  files.set(`${STORE}/MANIFEST.0123456789abcdef.tmp`, Buffer.alloc(8))
  await store.close()
  const failed = await failEach([...READING, ...WRITING], /./, async () => {
    const environment = faultyMemory(MemoryFileSystem.of(files))
    return { environment, act: () => openHarness(environment, options) }
  })
  expect(failed).toBeGreaterThan(40)
})

it('reading is refused by each call that fails, and says what could not be done, and to which file', async () => {
  const failed = await failEach(READING, /\.wal/, async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    return { environment, act: () => readAll(store.log) }
  })
  expect(failed).toBeGreaterThan(6)
})

it('a backup is refused by each call that fails, and says what could not be done, and to which file', async () => {
  const failed = await failEach([...READING, ...WRITING], /^.copy|\.wal/, async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    for (const path of ['/one', '/copy']) await environment.memory.makeDirectory(path)
    // It writes a mark where there is none: that is no part of the copying, and goes to another segment.
    await store.log.backup('/one')
    return { environment, act: () => store.log.backup('/copy') }
  })
  expect(failed).toBeGreaterThan(10)
})

it.each(['note', 'carried', 'committed'] as const)(
  'a log says that it could not be written, and may have been, where its consumer throws in %s',
  async (method) => {
    const environment = faultyMemory()
    const cause = new Error('a mistake of the consumer')
    const store = await openHarness(environment, options, STORE, {
      [method]: () => {
        throw cause
      },
    })
    void store.append('a')
    await turns()
    expect(store.failures).toMatchObject([
      {
        code: 'IO_ERROR',
        path: `${STORE}/wal`,
        outcome: 'unknown',
        message: expect.stringContaining('could not write the log') as unknown,
        cause,
      },
    ])
    await store.close()
  },
)

it('a log says that a batch could not be acted on where its consumer rejects', async () => {
  const environment = faultyMemory()
  const { promise, reject } = deferred()
  const store = await openHarness(environment, options, STORE, { committed: () => promise })
  void store.append('a')
  await turns()
  const cause = new Error('a mistake of the consumer')
  reject(cause)
  await turns()
  expect(store.failures).toMatchObject([
    {
      code: 'IO_ERROR',
      path: `${STORE}/wal`,
      message: expect.stringContaining('could not act on a committed batch') as unknown,
      cause,
    },
  ])
  await store.close()
})
