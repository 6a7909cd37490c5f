import { messagePackCodec } from '@holdfast/codec'
import { describe, expect, it } from 'vitest'
import { batchOf, markOf } from './batches.fixture.ts'
import type { LoggedCommand } from './commands.ts'
import { defineMachine, type Machine } from './machine.ts'
import { Refusal } from './refusal.ts'
import { encodeOutcomes } from './outcomes.ts'
import { Replay, type ReplayLimit } from './replay.ts'

interface Account {
  balance: number
  log: string[]
}

/** Refuses what would go below the floor, which is what differs between the versions. */
function account(version: number, floor: number, upgrade?: Machine<Account>['upgrade']) {
  return defineMachine({
    version,
    initial: (): Account => ({ balance: 0, log: [] }),
    commands: {
      move(state, amount: number, { seq, time }) {
        if (state.balance + amount < floor) throw new Refusal('TOO_LOW')
        state.balance += amount
        state.log.push(`${seq}@${time}: ${amount}`)
      },
      crash(state) {
        state.balance += 1000
        throw new TypeError('a bug')
      },
      later(state) {
        state.log.push('later')
        return Promise.reject(new Error('nobody waits for this'))
      },
    },
    ...(upgrade && { upgrade }),
  })
}

const codecs = new Map([[messagePackCodec.id, messagePackCodec]])
const replayOf = (machine: Machine<Account>, limit?: ReplayLimit): Replay<Account> =>
  new Replay<Account>(machine, codecs, limit)

const matching = (fields: Record<string, unknown>): Error => expect.objectContaining(fields) as Error

const move = (...amounts: number[]): LoggedCommand[] => amounts.map((amount) => ['move', amount])

describe('replay under the same version', () => {
  it('runs every command again, refused ones too, with the time and sequence of the log', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, move(5, -9), { time: 70 }))
    replay.apply(batchOf(3, move(1), { time: 80, outcomes: { from: 1, through: 2, refused: [2] } }))
    replay.finish()
    expect(replay.state).toEqual({ balance: 6, log: ['1@70: 5', '3@80: 1'] })
    expect(replay.appliedSeq).toBe(3)
    expect(replay.lastTime).toBe(80)
    expect(replay.figures).toEqual({ applied: 3, refused: 1, failed: 0, upgraded: 0, decided: 1 })
  })

  it('stops with DIVERGED where a command that was accepted is refused now', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, move(5, -9)))
    expect(() =>
      replay.apply(batchOf(3, move(1), { outcomes: { from: 1, through: 2, refused: [] } })),
    ).toThrow(
      matching({
        code: 'DIVERGED',
        seq: 2,
        details: { recorded: 'accepted', replayed: 'refused' },
        cause: expect.any(Refusal),
      }),
    )
  })

  it('stops with DIVERGED where a command that was refused is accepted now', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, move(5, 4)))
    expect(() => replay.apply(markOf({ from: 1, through: 2, refused: [2] }))).toThrow(
      matching({
        code: 'DIVERGED',
        seq: 2,
        details: { recorded: 'refused', replayed: 'accepted' },
      }),
    )
  })

  it('takes any other throw for a refusal, as it was taken live, and counts it', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, [['crash', undefined], ['later', undefined], ...move(1)]))
    replay.apply(markOf({ from: 1, through: 3, refused: [1, 2] }))
    replay.finish()
    expect(replay.state.balance).toBe(1001)
    expect(replay.figures).toMatchObject({ refused: 2, failed: 2, decided: 0 })
  })

  it('decides outcomes that the crash left unrecorded, and hands them on to be recorded', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, move(5, -9)))
    replay.apply(batchOf(3, move(-100, 1)))
    replay.finish()
    expect(replay.figures.decided).toBe(4)
    expect(Buffer.from(replay.ledger.note() ?? []).toString('hex')).toBe('010103020100')
  })

  it('accepts records that overlap: a mark and the batch after it may say the same', () => {
    const replay = replayOf(account(1, 0))
    replay.apply(batchOf(1, move(5, -9)))
    replay.apply(markOf({ from: 1, through: 2, refused: [2] }))
    replay.apply(batchOf(3, move(-100)))
    replay.apply(batchOf(4, move(1), { outcomes: { from: 1, through: 3, refused: [2, 3] } }))
    replay.finish()
    expect(replay.figures.decided).toBe(1)
  })

  it('never turns a command that the machine no longer has into a refusal', () => {
    const replay = replayOf(account(1, 0))
    expect(() => replay.apply(batchOf(1, [['gone', 1]]))).toThrow(
      matching({ code: 'UNKNOWN_COMMAND', seq: 1 }),
    )
  })

  it('refuses records that are no commands', () => {
    const replay = replayOf(account(1, 0))
    expect(() => replay.apply(batchOf(7, [...move(1), 'move' as unknown as LoggedCommand]))).toThrow(
      matching({ code: 'DECODE_FAILED', seq: 8 }),
    )
  })

  it('refuses a codec that it was not given, by name', () => {
    const replay = replayOf(account(1, 0))
    expect(() => replay.apply({ ...batchOf(1, move(1)), codec: 'other-1' })).toThrow(
      matching({ code: 'UNSUPPORTED', message: expect.stringContaining("'other-1'") }),
    )
  })
})

describe('replay under a newer version', () => {
  it('honours recorded refusals without running them, whatever the new version would say', () => {
    const replay = replayOf(account(2, -1000, {}))
    replay.apply(batchOf(1, move(5, -9)))
    expect(replay.appliedSeq).toBe(0) // waits for its outcome
    replay.apply(batchOf(3, move(1), { outcomes: { from: 1, through: 2, refused: [2] } }))
    expect(replay.appliedSeq).toBe(2)
    replay.finish()
    expect(replay.state.balance).toBe(6)
    expect(replay.figures).toEqual({ applied: 2, refused: 1, failed: 0, upgraded: 3, decided: 1 })
    expect(replay.sawOlder).toBe(true)
  })

  it('sends accepted commands through upgrade, with the version that wrote them', () => {
    const seen: [LoggedCommand, number][] = []
    const replay = replayOf(
      account(3, 0, {
        command(command, from) {
          seen.push([command, from])
          return command[1] === 7 ? undefined : ['move', Number(command[1]) * 10]
        },
      }),
    )
    replay.apply(batchOf(1, move(5, 7, -9), { version: 2 }))
    replay.apply(batchOf(4, move(1), { version: 3, outcomes: { from: 1, through: 3, refused: [3] } }))
    replay.finish()
    expect(seen).toEqual([
      [['move', 5], 2],
      [['move', 7], 2],
    ])
    expect(replay.state.balance).toBe(51)
  })

  it('stops with DIVERGED where an accepted command throws', () => {
    const replay = replayOf(account(2, 100, {}))
    replay.apply(batchOf(1, move(5)))
    expect(() => replay.apply(markOf({ from: 1, through: 1, refused: [] }))).toThrow(
      matching({ code: 'DIVERGED', seq: 1, cause: expect.any(Refusal) }),
    )
  })

  it('lets the new version decide what the crash left unrecorded', () => {
    const replay = replayOf(account(2, 100, {}))
    replay.apply(batchOf(1, move(5)))
    replay.apply(batchOf(2, move(200)))
    replay.finish()
    expect(replay.state.balance).toBe(200)
    expect(replay.figures.decided).toBe(2)
  })

  it('holds batches of the new version behind older ones that wait', () => {
    const replay = replayOf(account(2, 0, {}))
    replay.apply(batchOf(1, move(5)))
    replay.apply(batchOf(2, move(6), { version: 2 }))
    expect(replay.appliedSeq).toBe(0)
    replay.apply(batchOf(3, move(7), { version: 2, outcomes: { from: 1, through: 2, refused: [] } }))
    expect(replay.state.log).toEqual(['1@1000: 5', '2@2000: 6', '3@3000: 7'])
  })

  it('refuses a log that never says what came of an older command, rather than deciding it anew', () => {
    const replay = replayOf(account(2, 0, {}))
    replay.apply(batchOf(1, move(5)))
    replay.apply(batchOf(2, move(5)))
    expect(() => replay.apply(batchOf(3, move(5)))).toThrow(
      matching({ code: 'UPGRADE_FAILED', seq: 1, hint: expect.stringContaining('version') }),
    )
    const stepped = replayOf(account(2, 0, {}))
    stepped.apply(batchOf(1, move(5)))
    stepped.apply(batchOf(2, move(5)))
    expect(() => stepped.apply(markOf({ from: 2, through: 2, refused: [] }))).toThrow(
      matching({ code: 'UPGRADE_FAILED', seq: 1 }),
    )
  })

  it('refuses where there is no upgrade, or where it throws', () => {
    const without = replayOf(account(2, 0))
    without.apply(batchOf(1, move(5)))
    expect(() => without.finish()).toThrow(matching({ code: 'UPGRADE_FAILED' }))
    const cause = new Error('what is this?')
    const throwing = replayOf(
      account(2, 0, {
        command() {
          throw cause
        },
      }),
    )
    throwing.apply(batchOf(1, move(5)))
    expect(() => throwing.finish()).toThrow(matching({ code: 'UPGRADE_FAILED', seq: 1, cause }))
  })

  it('refuses what a newer machine wrote', () => {
    const replay = replayOf(account(2, 0, {}))
    expect(() => replay.apply(batchOf(1, move(5), { version: 3 }))).toThrow(
      matching({ code: 'NEWER_MACHINE', details: { version: 3, known: 2 } }),
    )
  })
})

describe('replay to a limit', () => {
  it('ends at a sequence, inside a batch if it must', () => {
    const replay = replayOf(account(1, 0), { seq: 2 })
    replay.apply(batchOf(1, move(5, 6, 7)))
    expect(replay.state.balance).toBe(11)
    expect(replay.satisfied).toBe(false) // the outcomes may still speak against it
    replay.apply(batchOf(4, move(8), { outcomes: { from: 1, through: 3, refused: [] } }))
    expect(replay.satisfied).toBe(true)
    expect(replay.appliedSeq).toBe(2)
  })

  it('needs nothing behind it where it is told what the log may not say yet', () => {
    const outcomes = encodeOutcomes({ from: 1, through: 3, refused: [2] })
    const older = replayOf(account(2, 0, {}), { seq: 3, outcomes })
    older.apply(batchOf(1, move(5, 6)))
    expect(older.satisfied).toBe(false)
    older.apply(batchOf(3, move(7)))
    expect(older.satisfied).toBe(true)
    expect(older.state.balance).toBe(12)

    const own = replayOf(account(1, 0), { seq: 3, outcomes })
    expect(() => own.apply(batchOf(1, move(5, 6, 7)))).toThrow(matching({ code: 'DIVERGED', seq: 2 }))
  })

  it('takes from the log what it was not told', () => {
    const outcomes = encodeOutcomes({ from: 3, through: 3, refused: [] })
    const replay = replayOf(account(2, 0, {}), { seq: 3, outcomes })
    replay.apply(batchOf(1, move(5, 6, 7)))
    expect(replay.satisfied).toBe(false)
    replay.apply(batchOf(4, move(8), { outcomes: { from: 1, through: 3, refused: [1] } }))
    expect(replay.satisfied).toBe(true)
    expect(replay.state.balance).toBe(13)
  })

  it('ends at the last batch whose time is at or before one', () => {
    const replay = replayOf(account(1, 0), { time: 2500 })
    replay.apply(batchOf(1, move(5)))
    replay.apply(batchOf(2, move(6)))
    replay.apply(batchOf(3, move(7), { outcomes: { from: 1, through: 2, refused: [] } }))
    expect(replay.state.balance).toBe(11)
    expect(replay.satisfied).toBe(true)
  })
})
