import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  faultyMemory,
  type Harness,
  openHarness,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { encodeManifest, type ManifestSegment } from './manifest.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }
const COPY = '/copy/wal'

async function filled(): Promise<{ environment: ReturnType<typeof faultyMemory>; store: Harness }> {
  const environment = faultyMemory()
  const store = await openHarness(environment, options)
  for (let i = 1; i <= 8; i++) await store.append(text(i, 900), i === 8 ? 'os' : 'disk')
  await turns()
  await environment.memory.makeDirectory('/copy')
  await environment.memory.makeDirectory(COPY)
  return { environment, store }
}

/** The copies as a store, with a manifest that says of them what the backup said. */
function storeOf(store: Harness, memory: MemoryFileSystem, segments: ManifestSegment[]): MemoryFileSystem {
  const copies = [...memory.snapshot()].flatMap(([path, bytes]): [string, Buffer][] =>
    path.startsWith(COPY) ? [[path.replace(COPY, `${STORE}/wal`), bytes]] : [],
  )
  const manifest = { ...store.directory.manifest, segments }
  return MemoryFileSystem.of(new Map([...copies, [`${STORE}/MANIFEST`, encodeManifest(manifest, 7)]]))
}

describe('a backup', () => {
  it('holds what was submitted before it, durable, and opens by itself', async () => {
    const { environment, store } = await filled()
    const segments = await store.log.backup(COPY)
    expect(store.log.durableSeq).toBe(8)
    expect(await store.append(text(9, 900))).toBe(9)
    expect(environment.files.log.filter(({ path }) => path.startsWith('/copy')).at(-1)?.call).toBe(
      'syncDirectory',
    )
    const { records, plan } = await recovered(storeOf(store, environment.memory, segments))
    expect(records).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => `${i}:${text(i, 900)}`))
    expect(plan).toMatchObject({ provenSeq: 8, survivors: undefined, tail: undefined, ignored: [] })
    await store.close()
  })

  it('has a typed error for every single call that fails, gives all back, and keeps nothing from being trimmed after that', async () => {
    for (const call of ['open', 'read', 'write', 'sync', 'close', 'syncDirectory'] as const) {
      for (let nth = 1; ; nth++) {
        const { environment, store } = await filled()
        await store.log.sync()
        const open = environment.files.openFiles
        const rule = environment.files.fail({
          on: call,
          path: /^.copy|0001-|0004-|0007-/,
          nth,
          fault: { errno: 'EIO' },
        })
        const result = await store.log.backup(COPY).catch((error: unknown) => error)
        rule.remove()
        expect([undefined, 'IO_ERROR'], `${call} ${nth}`).toContain(codeOf(result))
        expect(environment.files.openFiles).toBe(open)
        // What it copied may be trimmed again.
        expect((await store.log.trim(6)).segments).toBe(2)
        await store.close()
        if (rule.hits === 0) break
      }
    }
  })
})

it('is made while a batch waits to be acted on: its mark could not say what came of that', async () => {
  const environment = faultyMemory()
  let settle = (): void => {}
  const store = await openHarness(environment, options, STORE, {
    committed: () =>
      new Promise<void>((resolve) => {
        settle = resolve
      }),
  })
  void store.append('a')
  await turns()
  await environment.memory.makeDirectory('/copy')
  await environment.memory.makeDirectory(COPY)
  expect(await store.log.backup(COPY)).toMatchObject([{ lastSeq: 1 }])
  settle()
  await store.close()
})

it('is refused where the log fails over the mark that it is to end with', async () => {
  const { environment, store } = await filled()
  await store.log.sync()
  environment.files.fail({
    on: ['write', 'writeThrough', 'open'],
    path: /^\/store.*\.(wal|tmp)/,
    times: Infinity,
    fault: { errno: 'EIO' },
  })
  expect(codeOf(await store.log.backup(COPY).catch((error: unknown) => error))).toBe('FAILED')
  expect(await environment.files.list(COPY)).toEqual([])
  await store.close().catch(() => {})
})

it('an empty log has an empty backup', async () => {
  const environment = memoryEnvironment()
  const store = await openHarness(environment)
  await environment.files.makeDirectory('/copy')
  expect(await store.log.backup('/copy')).toEqual([])
  expect(await environment.files.list('/copy')).toEqual([])
  expect(segmentsOf(environment.files)).toEqual([])
  await store.close()
})
