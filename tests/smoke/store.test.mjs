// A store as a user has it, from the installed tarballs, under each supported Node.js: see tools/smoke.ts.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as zlib from 'node:zlib'
import { SnapshotDirectory } from '@holdfast/snapshot'
import { defineMachine, isRefusal, open, openAt, openReadOnly, Refusal } from 'holdfast'

const directory = mkdtempSync('store-')
after(() => rmSync(directory, { recursive: true, force: true }))

/** @typedef {{ name: string, amount: number }} Transfer */

const accounts = defineMachine({
  version: 1,
  initial: () => /** @type {Map<string, number>} */ (new Map()),
  commands: {
    /** @param {Transfer} transfer */
    deposit(state, transfer) {
      const { name, amount } = transfer
      state.set(name, (state.get(name) ?? 0) + amount)
      return state.get(name)
    },
    /** @param {Transfer} transfer */
    withdraw(state, transfer) {
      const { name, amount } = transfer
      if ((state.get(name) ?? 0) < amount) throw new Refusal('TOO_LITTLE', { name })
      state.set(name, state.get(name) - amount)
      return state.get(name)
    },
  },
})

const LOADED = 500
const expected = new Map([
  ['Ada', 7],
  ['Grace', 4],
  ...Array.from({ length: LOADED }, (_, index) => [`customer ${index}`, index]),
])
/** Of the commands that `fill` executes. */
const LAST_SEQ = LOADED + 6

/** Executes, takes a snapshot, executes more, and closes. */
async function fill(path) {
  const store = await open(path, accounts, { segmentBytes: 4096, snapshot: { keep: 2 } })
  assert.equal(await store.execute('deposit', { name: 'Ada', amount: 10 }), 10)
  assert.equal(await store.execute('withdraw', { name: 'Ada', amount: 3 }, { durability: 'os' }), 7)
  await assert.rejects(store.execute('withdraw', { name: 'Ada', amount: 8 }), (error) =>
    isRefusal(error, 'TOO_LITTLE'),
  )
  const load = Array.from({ length: LOADED }, (_, index) => [
    'deposit',
    { name: `customer ${index}`, amount: index },
  ])
  assert.equal((await store.executeEach(load)).accepted, LOADED)
  assert.equal((await store.snapshot()).seq, LOADED + 3)
  const outcomes = await store.executeAll([
    ['deposit', { name: 'Grace', amount: 5 }],
    ['withdraw', { name: 'Grace', amount: 6 }],
    ['withdraw', { name: 'Grace', amount: 1 }],
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(store.state, expected)
  await store.close()
}

test('what was executed is there after opening again, out of a snapshot and the log behind it', async () => {
  const path = join(directory, 'again')
  await fill(path)
  const store = await open(path, accounts)
  assert.equal(store.report.snapshot.seq, LOADED + 3)
  assert.equal(store.appliedSeq, LAST_SEQ)
  assert.equal(store.durableSeq, LAST_SEQ)
  assert.deepEqual(store.state, expected)
  const names = []
  for await (const { seq, name, refused } of store.changes({ from: LAST_SEQ - 2 })) {
    names.push(refused ? `${name} refused` : name)
    if (seq === LAST_SEQ) break
  }
  assert.deepEqual(names, ['deposit', 'withdraw refused', 'withdraw'])
  await store.close()
})

test('a store that is open is locked, and can be read', async () => {
  const path = join(directory, 'locked')
  await fill(path)
  const store = await open(path, accounts)
  await assert.rejects(open(path, accounts), { code: 'LOCKED', pid: process.pid })
  const reader = await openReadOnly(path, accounts)
  assert.deepEqual(reader.state, expected)
  await reader.close()
  await store.close()
  const past = await openAt(path, accounts, { seq: 2 })
  assert.deepEqual(past.state, new Map([['Ada', 7]]))
  await past.close()
})

test('a store opens by require', async () => {
  const required = createRequire(import.meta.url)('holdfast')
  const path = join(directory, 'required')
  await fill(path)
  const store = await required.open(path, accounts)
  assert.deepEqual(store.state, expected)
  await store.close()
})

// The suite runs under one Node.js after the other, in one folder: each leaves a store there for the next.
test('a store that another Node.js wrote opens', async () => {
  const mine = `left-by-${process.version}`
  for (const path of readdirSync('.').filter((name) => name.startsWith('left-by-') && name !== mine)) {
    const store = await open(path, accounts)
    assert.deepEqual(store.state, expected, path)
    await store.close()
  }
  if (!existsSync(mine)) await fill(mine)
})

const hasZstd = typeof zlib.zstdCompress === 'function'
const subject = { seq: 1, time: 1, machineVersion: 1, epoch: 1 }
const text = 'again and again '.repeat(100_000)

test('a snapshot compressed with zstd is read back', { skip: !hasZstd && 'no zstd here' }, async () => {
  const snapshots = await SnapshotDirectory.open(join(directory, 'compressed'), { compression: 'zstd' })
  const writer = await snapshots.create(subject)
  await writer.write(text)
  const { bytes } = await writer.close()
  assert.ok(bytes < text.length / 10, `${bytes} bytes`)
  const reader = await snapshots.open((await snapshots.list())[0])
  const values = []
  for await (const value of reader.values()) values.push(value)
  await reader.close()
  assert.deepEqual(values, [text])
})

test('zstd is refused where there is none', { skip: hasZstd && 'zstd is here' }, async () => {
  const opened = SnapshotDirectory.open(join(directory, 'compressed'), { compression: 'zstd' })
  await assert.rejects(opened, { code: 'UNSUPPORTED' })
})
