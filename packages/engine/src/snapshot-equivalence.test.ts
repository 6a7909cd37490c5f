import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterKill, bank, STORE, type TestEnvironment, testEnvironment } from './bank.fixture.ts'
import type { Call } from './commands.ts'
import type { Machine } from './machine.ts'
import { open } from './open.ts'
import { openAt } from './open-read-only.ts'

type Types = typeof bank extends Machine<infer _State, infer T> ? T : never

const plain = { noNullPrototype: true }
const account = fc.constantFrom('ann', 'bob', 'cat')
const amount = fc.integer({ min: 0, max: 20 })
const value = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.double({ noDefaultInfinity: false }).filter((number) => !Object.is(number, -0)),
  fc.array(fc.integer()),
  fc.record({ text: fc.string(), list: fc.array(fc.string()) }, plain),
  fc
    .uniqueArray(fc.tuple(fc.string(), fc.integer()), { selector: ([key]) => key })
    .map((entries) => new Map(entries)),
)
const call: fc.Arbitrary<Call<Types>> = fc.oneof(
  fc.record({ to: account, amount }, plain).map((argument) => ['deposit', argument] as const),
  fc.record({ from: account, to: account, amount }, plain).map((argument) => ['transfer', argument] as const),
  value.map((argument) => ['note', argument] as const),
  fc.constant(['crash'] as const),
)

/** What happens to a store: groups of commands, snapshots, closes and kills. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.array(call, { minLength: 1, maxLength: 8 }) },
  { weight: 2, arbitrary: fc.constant('snapshot' as const) },
  { weight: 1, arbitrary: fc.constant('close' as const) },
  { weight: 1, arbitrary: fc.constant('kill' as const) },
)

describe('state from snapshot and tail', () => {
  it('equals state by the log alone, over random histories: their digests are equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), fc.nat(), async (steps, pick) => {
        let environment = testEnvironment()
        let store = await open(STORE, bank, { environment, ...options })
        for (const next of steps) {
          if (next === 'snapshot') await store.snapshot()
          else if (next === 'close' || next === 'kill') {
            const killed = afterKill(environment)
            await store.close()
            if (next === 'kill') environment = killed
            store = await open(STORE, bank, { environment, ...options })
          } else await store.executeAll(next as never)
        }
        const { appliedSeq } = store
        const { digest } = await store.snapshot()
        await store.close()
        expect(store.stats().log.firstSeq).toBe(1)

        const fromSnapshots = await reopened(environment)
        const fromLog = await reopened(withoutSnapshots(environment))
        expect(fromLog.appliedSeq).toBe(appliedSeq)
        expect(fromLog.digest).toBe(digest)
        expect(fromSnapshots.digest).toBe(digest)
        expect(fromLog.state).toEqual(fromSnapshots.state)

        const seq = pick % (appliedSeq + 1)
        const past = await openAt(STORE, bank, { seq }, { environment })
        const pastByLog = await openAt(STORE, bank, { seq }, { environment: withoutSnapshots(environment) })
        expect(past.state).toEqual(pastByLog.state)
      }),
      { numRuns: 60 },
    )
  })
})

/** Kept whole, so that the log alone can make every state. */
const options = { segmentBytes: 4096, snapshot: { keep: 100 } }

async function reopened(environment: TestEnvironment) {
  const store = await open(STORE, bank, { environment, ...options })
  const { state, appliedSeq } = store
  const { digest } = await store.snapshot()
  await store.close()
  return { state, appliedSeq, digest }
}

/** The same store with all its snapshots damaged. */
function withoutSnapshots(environment: TestEnvironment): TestEnvironment {
  const copy = afterKill(environment)
  for (const [path, bytes] of copy.memory.snapshot()) {
    if (!path.endsWith('.snap')) continue
    bytes.fill(0, bytes.length >> 1)
    copy.memory.put(path, bytes)
  }
  return copy
}
