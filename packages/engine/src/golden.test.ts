import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { errorLike } from './bank.fixture.ts'
import type { Change } from './change-feed.ts'
import { goldenPath, type Shop, shop1, shop2, STORE } from './golden.fixture.ts'
import { open } from './open.ts'
import { openAt, openReadOnly } from './open-read-only.ts'

const START = Date.UTC(2026, 0, 1)

/** What the golden store holds. It never changes: if this has to, the format has. */
const SHOP: Shop = {
  stock: new Map([
    ['bolts', 24],
    ['nuts', 12],
    ['screws', 99],
  ]),
  sold: [
    { name: 'nuts', count: 12, time: START + 1000 },
    { name: 'bolts', count: 24, time: START + 2000 },
    { name: 'screws', count: 1, time: START + 3000 },
  ],
  currency: 'EUR',
}
const DIGEST = 'f0520192d213a017fe2cb9f54bf082682c169047bad9463ee9bd6af0f270e820'

async function golden() {
  const files = new MemoryFileSystem()
  for (const name of await readdir(goldenPath, { recursive: true })) {
    const path = join(goldenPath, name)
    if ((await stat(path)).isFile()) files.put(`${STORE}/${name}`, await readFile(path))
  }
  return memoryEnvironment(files)
}

describe('the golden store of format 1', () => {
  it('opens with everything in it', async () => {
    const store = await open(STORE, shop2, { environment: await golden(), snapshot: { keep: 4 } })
    expect(store.state).toEqual(SHOP)
    expect(store.report).toMatchObject({
      snapshot: { seq: 7, machineVersion: 2 },
      setAside: [],
      log: { survivors: { firstSeq: 10, lastSeq: 10 }, tail: undefined },
      commands: { applied: 3, refused: 1, decided: 1 },
    })
    expect((await store.snapshot()).digest).toBe(DIGEST)
    await store.close()
  })

  it('opens without its snapshots, the commands of its first version upgraded', async () => {
    const environment = await golden()
    for (const [path, bytes] of environment.files.snapshot())
      if (path.endsWith('.snap')) environment.files.put(path, bytes.fill(0, 200))
    const store = await open(STORE, shop2, { environment, snapshot: { keep: 4 } })
    expect(store.state).toEqual(SHOP)
    expect(store.report).toMatchObject({
      snapshot: undefined,
      setAside: [{ seq: 7 }, { seq: 5 }],
      commands: { upgraded: 7, refused: 3 },
    })
    expect((await store.snapshot()).digest).toBe(DIGEST)
    await store.close()
  })

  it('has these changes', async () => {
    const store = await open(STORE, shop2, { environment: await golden(), snapshot: { keep: 4 } })
    const changes: Change[] = []
    for await (const change of store.changes({ from: 1 })) if (changes.push(change) === 10) break
    expect(changes.map(({ seq, time, name, refused }) => [seq, time, name, refused])).toEqual([
      [1, START, 'order', false],
      [2, START + 1000, 'sell', true],
      [3, START + 1000, 'order', false],
      [4, START + 1000, 'sell', true],
      [5, START + 1000, 'sell', false],
      [6, START + 2000, 'order', false],
      [7, START + 2000, 'sell', false],
      [8, START + 3000, 'order', false],
      [9, START + 3000, 'sell', true],
      [10, START + 3000, 'sell', false],
    ])
    expect(changes[1]?.argument).toEqual({ name: 'bolts', count: 5 })
    await store.close()
  })

  it('is refused by its older machine, and read at a moment before the newer one', async () => {
    const environment = await golden()
    await expect(openReadOnly(STORE, shop1, { environment })).rejects.toThrow(errorLike('NEWER_MACHINE'))
    const past = await openAt(STORE, shop1, { seq: 6 }, { environment })
    expect(past.state).toEqual({
      stock: new Map([
        ['bolts', 4],
        ['nuts', 1],
      ]),
      sold: [{ name: 'nuts', count: 1, time: START + 1000 }],
      currency: 'DEM',
    })
  })
})
