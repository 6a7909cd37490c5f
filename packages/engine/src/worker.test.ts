import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bank } from './bank.fixture.ts'
import { open } from './open.ts'

const MODULE = new URL('bank-machine.fixture.ts', import.meta.url)

let path: string
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ path, remove } = await temporaryDirectory())
})
afterEach(() => remove())

describe('a snapshot that a thread takes', () => {
  it('is of the sequence at which it was asked for', async () => {
    const store = await open<typeof bank>(path, MODULE, { segmentBytes: 4096 })
    for (let i = 0; i < 100; i++) await store.execute('deposit', { to: `account ${i % 7}`, amount: i })
    const info = await store.snapshot()
    expect(info.seq).toBe(100)
    console.log(store.stats().snapshots)
    expect(await readdir(join(path, 'snapshots'))).toEqual([info.name])
    await store.close()
  })
})
