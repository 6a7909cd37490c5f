import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { ManualClock } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { timing } from './timing.ts'

it('reads no clock and makes nothing where nobody listens', () => {
  const clock = { now: () => fail(), monotonic: () => fail() }
  expect(timing('commit').start(clock)).toBeUndefined()
})

it('publishes how long it took, with the facts', () => {
  const messages: unknown[] = []
  const listen = (message: unknown) => messages.push(message)
  const sync = timing('sync')
  const clock = new ManualClock()
  subscribe('holdfast:sync', listen)
  const done = sync.start(clock)
  clock.advance(12.5)
  done?.({ bytes: 3 })
  unsubscribe('holdfast:sync', listen)
  expect(sync.start(clock)).toBeUndefined()
  expect(messages).toEqual([{ ms: 12.5, bytes: 3 }])
})

function fail(): never {
  throw new Error('the clock was read')
}
