import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WriteQueue } from './write-queue.ts'

describe('WriteQueue', () => {
  it('runs one task at a time, in the order they came', async () => {
    const queue = new WriteQueue()
    const order: string[] = []
    const task = (name: string) => async () => {
      order.push(`${name} begins`)
      await setImmediate()
      order.push(`${name} ends`)
    }
    const done = Promise.all([queue.run(task('a')), queue.run(task('b')), queue.run(() => order.push('c'))])
    expect(queue.length).toBe(3)
    await queue.idle()
    expect(queue.length).toBe(0)
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c'])
    await done
  })

  it('begins a task at once where nothing waits', () => {
    const queue = new WriteQueue()
    let ran = false
    const done = queue.run(() => {
      ran = true
    })
    expect(ran).toBe(true)
    return done
  })

  it('rejects with what a task throws, and goes on with the next', async () => {
    const queue = new WriteQueue()
    const failed = queue.run(() => {
      throw new Error('no')
    })
    const next = queue.run(() => 'yes')
    await expect(failed).rejects.toThrow('no')
    await expect(next).resolves.toBe('yes')
  })

  it('does what needs no waiting at once, and what that starts behind it', async () => {
    const queue = new WriteQueue()
    const order: string[] = []
    const done: unknown[] = []
    expect(
      queue.runNow(() => {
        done.push(
          queue.run(() => order.push('b')),
          queue.runNow(() => void order.push('c')),
        )
        order.push('a')
      }),
    ).toBe(undefined)
    expect(order).toEqual(['a', 'b'])
    await Promise.all(done)
    expect(order).toEqual(['a', 'b', 'c'])
  })

  it('does it in its turn where another is running', async () => {
    const queue = new WriteQueue()
    const order: string[] = []
    const first = queue.run(async () => {
      await setImmediate()
      order.push('first')
    })
    const second = queue.runNow(() => void order.push('second'))
    expect(order).toEqual([])
    await second
    expect(order).toEqual(['first', 'second'])
    await first
  })

  it('throws what it throws, and goes on', async () => {
    const queue = new WriteQueue()
    expect(() =>
      queue.runNow(() => {
        throw new Error('no')
      }),
    ).toThrow('no')
    await expect(queue.run(() => 'yes')).resolves.toBe('yes')
  })
})
