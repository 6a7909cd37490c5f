import { describe, expect, it } from 'vitest'
import {
  afterKill,
  type Bank,
  bytesOf,
  damage,
  errorLike,
  STORE,
  testEnvironment,
  turns,
} from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import { Refusal } from './refusal.ts'

describe('outcomes', () => {
  const floor = (version: number, lowest: number, upgrade?: object) =>
    defineMachine({
      version,
      initial: (): Bank => ({ accounts: new Map(), notes: [], lastSeq: 0, lastTime: 0 }),
      commands: {
        move(state, amount: number) {
          const balance = (state.accounts.get('x') ?? 0) + amount
          if (balance < lowest) throw new Refusal('TOO_LOW')
          state.accounts.set('x', balance)
        },
      },
      ...(upgrade && { upgrade }),
    })

  it('are recorded in the second batch after, and a diverging replay is stopped with DIVERGED and nothing changed', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.execute('move', -9).catch(() => {})
    await store.execute('move', 1)
    await store.execute('move', 1)
    const killed = afterKill(environment)
    const before = bytesOf(killed)
    await expect(open(STORE, floor(1, -100), { environment: killed })).rejects.toThrow(
      errorLike('DIVERGED', { seq: 2, details: { recorded: 'refused', replayed: 'accepted' } }),
    )
    expect(bytesOf(killed)).toEqual(before)
    await store.close()
  })

  it('are recorded in the mark at close', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', -9).catch(() => {})
    await store.close()
    await expect(open(STORE, floor(1, -100), { environment })).rejects.toThrow(
      errorLike('DIVERGED', { seq: 1 }),
    )
  })

  it('that the crash left unrecorded are decided by the replay, and recorded before the first new command', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', -9).catch(() => {})
    // Nothing has recorded the refusal: the next machine decides, and what it decides stays.
    const killed = afterKill(environment)
    const other = await open(STORE, floor(1, -100), { environment: killed })
    expect(other.report.commands.decided).toBe(1)
    expect(other.state.accounts.get('x')).toBe(-9)
    await other.execute('move', 1)
    const killedAgain = afterKill(killed)
    await expect(open(STORE, floor(1, 0), { environment: killedAgain })).rejects.toThrow(
      errorLike('DIVERGED', { seq: 1, details: { recorded: 'accepted', replayed: 'refused' } }),
    )
    await store.close()
  })

  it('that only a snapshot knows are recorded with the first new command', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.execute('move', -9).catch(() => {})
    await store.snapshot()
    const killed = afterKill(environment)
    const again = await open(STORE, floor(1, 0), { environment: killed })
    expect(again.report.snapshot?.seq).toBe(2)
    await again.execute('move', 1)
    await again.close()
    // Without the snapshot the log alone must say it.
    damage(killed, /\.snap$/)
    await expect(open(STORE, floor(1, -100), { environment: killed })).rejects.toThrow(
      errorLike('DIVERGED', { seq: 2 }),
    )
    await expect(open(STORE, floor(1, 0), { environment: killed })).resolves.toMatchObject({ appliedSeq: 3 })
    await store.close()
  })

  it('under a newer version: refusals are honoured, accepted commands upgraded, a snapshot follows', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.execute('move', -9).catch(() => {})
    await store.close()
    const upgrade = {
      command: ([name, amount]: readonly [string, unknown]) => [name, Number(amount) * 100] as const,
    }
    const next = await open(STORE, floor(2, -1_000_000, upgrade), { environment })
    expect(next.state.accounts.get('x')).toBe(500)
    expect(next.report.commands).toMatchObject({ upgraded: 2, refused: 1, decided: 0 })
    await next.execute('move', 1)
    await turns(environment)
    expect(next.stats().snapshots).toMatchObject({ taken: 1, failed: 0 })
    await next.close()
    const again = await open(STORE, floor(2, -1_000_000), { environment })
    expect(again.state.accounts.get('x')).toBe(501)
    await again.close()
    await expect(open(STORE, floor(1, 0), { environment })).rejects.toThrow(errorLike('NEWER_MACHINE'))
  })

  it('an older store without upgrade is refused, and the old version still opens it', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.snapshot()
    await store.close()
    const before = bytesOf(environment)
    await expect(open(STORE, floor(2, 0), { environment })).rejects.toThrow(errorLike('UPGRADE_FAILED'))
    expect(bytesOf(environment)).toEqual(before)
    const old = await open(STORE, floor(1, 0), { environment })
    await old.close()
  })

  it('upgrade reads the state of an older snapshot', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.snapshot()
    await store.execute('move', 2)
    await store.close()
    const seen: number[] = []
    const upgrade = {
      state(old: unknown, from: number): Bank {
        seen.push(from)
        return { ...(old as Bank), notes: ['upgraded'] }
      },
    }
    const next = await open(STORE, floor(3, 0, upgrade), { environment })
    expect(seen).toEqual([1])
    expect(next.state).toMatchObject({ notes: ['upgraded'] })
    expect(next.state.accounts.get('x')).toBe(7)
    await next.close()
    const other = testEnvironment()
    const old = await open(STORE, floor(1, 0), { environment: other })
    await old.execute('move', 5)
    await old.snapshot()
    await old.close()
    await expect(
      open(
        STORE,
        floor(2, 0, {
          state: () => {
            throw new Error('what is this?')
          },
        }),
        { environment: other },
      ),
    ).rejects.toThrow(errorLike('UPGRADE_FAILED'))
  })

  it('a command that is durable never fails at every replay: what the machine lost is named', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 5)
    await store.close()
    const without = defineMachine({ version: 1, initial: () => ({}), commands: {} })
    await expect(open(STORE, without, { environment })).rejects.toThrow(
      errorLike('UNKNOWN_COMMAND', { seq: 1 }),
    )
    const replaced = defineMachine({
      version: 2,
      initial: () => ({}),
      commands: {},
      upgrade: { command: () => undefined },
    })
    const store2 = await open(STORE, replaced, { environment })
    expect(store2.appliedSeq).toBe(1)
    await store2.close()
  })
})
