import { beforeEach, expect, it } from 'vitest'
import { type KillState, killMachine, step } from '../kill/workload.ts'
import { Account } from './account.ts'
import { groupOf } from './script.ts'

/** Groups of one command each, and group 4, which has five. */
const GROUPS = [0, 1, 2, 3, 4]
const [FIRST_THREE, ALL] = [3, 9]

let account: Account

function stateOf(groups: readonly number[]): KillState {
  const state = killMachine.initial()
  let seq = 0
  for (const command of groups.flatMap((group) => groupOf(group).commands)) step(state, command, ++seq, 0)
  return state
}

beforeEach(() => {
  account = new Account()
  for (const group of GROUPS) account.issued(group, undefined)
})

it('takes any prefix of what may be there', () => {
  account.check(0, stateOf([]))
  account.check(FIRST_THREE, stateOf([0, 1, 2]))
  account.check(ALL, stateOf(GROUPS))
})

it('finds what was acknowledged and is gone', () => {
  account.acknowledged(2, [])
  expect(() => account.check(2, stateOf([0, 1]))).toThrow(/LOST/)
  expect(() => account.opened('writer', 2, stateOf([0, 1]))).toThrow(/LOST: group 2/)
})

it('finds what was never issued, half a group, and a state of other commands', () => {
  expect(() => account.check(ALL + 1, stateOf([...GROUPS, 5]))).toThrow(/INVENTED/)
  expect(() => account.check(ALL - 1, stateOf(GROUPS))).toThrow(/half a group/)
  expect(() => account.check(FIRST_THREE, stateOf([0, 2, 1]))).toThrow(/is not what/)
  expect(() => account.opened('reader', FIRST_THREE, stateOf([0, 2, 1]))).toThrow(/is not what/)
})

it('finds what was refused as not written and is there', () => {
  account.notWritten(1)
  account.check(2, stateOf([0, 2]))
  expect(() => account.check(FIRST_THREE, stateOf([0, 1, 2]))).toThrow(/is not what/)
})

it('finds what comes back after a writer has opened without it, and not after a reader has', () => {
  account.opened('reader', 2, stateOf([0, 1]))
  account.check(FIRST_THREE, stateOf([0, 1, 2]))
  account.opened('writer', 2, stateOf([0, 1]))
  expect(() => account.check(FIRST_THREE, stateOf([0, 1, 2]))).toThrow(/INVENTED/)
  expect(() => account.check(0, stateOf([]))).toThrow(/LOST/)
})

it('finds an acknowledgement that says something else than the machine', () => {
  account.acknowledged(0, [{ value: 1 }])
  expect(() => account.check(1, stateOf([0]))).toThrow(/came to/)
})

it('asks of a backup only what was there when it was taken', () => {
  account.acknowledged(0, [])
  account.acknowledged(1, [])
  account.check(1, stateOf([0]), 0)
  expect(() => account.check(0, stateOf([]), 0)).toThrow(/LOST/)
  expect(() => account.check(1, stateOf([0]))).toThrow(/LOST/)
})
