// Snapshots that a thread takes, from the installed tarballs, under each supported Node.js: see tools/smoke.ts.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isHoldfastError, open } from 'holdfast'

const directory = mkdtempSync('worker-')
after(() => rmSync(directory, { recursive: true, force: true }))
const machine = new URL('counter-machine.mjs', import.meta.url)

test('a thread takes a snapshot, and a store opens from it', async () => {
  const path = join(directory, 'store')
  const store = await open(path, machine, { verifySnapshots: 'replay' })
  for (let i = 0; i < 300; i += 1)
    await store.execute('count', i % 7 === 0 ? '' : `name ${i % 5}`).catch(() => {})
  const { seq, name } = await store.snapshot()
  assert.equal(seq, 300)
  assert.equal(store.stats().snapshots.mode, 'worker')
  await store.execute('count', 'behind it')
  const { counts } = store.state
  await store.close()
  assert.deepEqual(readdirSync(join(path, 'snapshots')), [name])

  const again = await open(path, machine)
  assert.equal(again.report.snapshot.seq, 300)
  assert.deepEqual(again.state.counts, counts)
  await again.close()
})

test('a thread that fails costs a snapshot, and the process goes on', async () => {
  const path = join(directory, 'failing')
  const store = await open(path, machine)
  await store.execute('leave')
  await assert.rejects(store.snapshot(), (error) => isHoldfastError(error, 'WORKER_FAILED'))
  assert.equal(await store.execute('count', 'one'), 1)
  await store.close()
  assert.deepEqual(readdirSync(path).includes('snapshots') ? readdirSync(join(path, 'snapshots')) : [], [])
})
