import { describe, expect, it } from 'vitest'
import { ManualClock, ManualTimers } from './manual-time.ts'

describe('manual time', () => {
  it('stands still until it is advanced; the wall clock alone may jump', () => {
    const clock = new ManualClock(1000)
    clock.advance(5)
    clock.jump(-500)
    expect([clock.now(), clock.monotonic()]).toEqual([505, 5])
  })

  it('runs timers in the order in which they fall due, each at its time', () => {
    const clock = new ManualClock(0)
    const timers = new ManualTimers(clock)
    const ran: [string, number][] = []
    const note = (name: string) => () => void ran.push([name, clock.monotonic()])
    timers.after(20, note('late'))
    timers.after(10, note('early'))
    timers.after(10, note('early too'))
    timers.after(15, note('cancelled')).cancel()
    timers.advance(9)
    expect(ran).toEqual([])
    timers.advance(21)
    expect(ran).toEqual([
      ['early', 10],
      ['early too', 10],
      ['late', 20],
    ])
    expect([clock.monotonic(), timers.pending]).toEqual([30, 0])
  })

  it('runs what a timer sets, if that falls due in the same stretch', () => {
    const timers = new ManualTimers()
    let runs = 0
    const again = () => {
      runs += 1
      timers.after(10, again)
    }
    again()
    timers.advance(35)
    expect([runs, timers.pending]).toEqual([4, 1])
  })

  it('turns with the real event loop', async () => {
    const order: string[] = []
    const turned = new Promise<void>((resolve) => {
      new ManualTimers().turn(resolve)
    }).then(() => order.push('turn'))
    await Promise.resolve().then(() => order.push('microtask'))
    await turned
    expect(order).toEqual(['microtask', 'turn'])
  })
})
