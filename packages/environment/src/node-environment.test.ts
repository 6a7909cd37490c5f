import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { nodeEnvironment, nodeEnvironmentWith } from './node-environment.ts'

const run = promisify(execFile)
const { clock, random, timers } = nodeEnvironment

describe('the Node.js environment', () => {
  it('has the time of day, and a clock that never goes back', () => {
    expect(clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1))
    const readings = Array.from({ length: 100 }, () => clock.monotonic())
    expect(readings).toEqual(readings.toSorted((a, b) => a - b))
  })

  it('takes no lock for another one', () => {
    expect(() => nodeEnvironmentWith({ lock: 'pidfile' as never })).toThrow(/'kernel' or 'pid-file'/)
  })

  it('has random bytes and numbers', () => {
    expect(random.bytes(16)).toHaveLength(16)
    expect(Buffer.compare(random.bytes(16), random.bytes(16))).not.toBe(0)
    const numbers = Array.from({ length: 100 }, () => random.uint32())
    for (const number of numbers) expect(number >>> 0).toBe(number)
    expect(new Set(numbers).size).toBeGreaterThan(90)
  })

  it('runs a turn after the microtasks, and a timer that was not cancelled', async () => {
    const order: string[] = []
    const turned = new Promise<void>((resolve) => {
      timers.turn(resolve)
    }).then(() => order.push('turn'))
    await Promise.resolve().then(() => order.push('microtask'))
    await turned
    expect(order).toEqual(['microtask', 'turn'])
    timers.after(0, () => order.push('cancelled')).cancel()
    // Unref'd timers run as long as something else keeps the process.
    await new Promise<void>((resolve) => {
      timers.after(1, resolve)
    })
    expect(order).toEqual(['microtask', 'turn'])
  })

  it('has timers that keep the process alive only if asked to, and a turn that does; loads no addon before it locks', async () => {
    const script = `
      import { createRequire } from 'node:module'
      import { nodeEnvironment as environment } from '@holdfast/environment'
      environment.timers.after(60_000, () => {})
      environment.timers.after(1, () => console.log('kept alive'), { keepAlive: true })
      environment.timers.turn(async () => {
        await environment.files.list('.')
        const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('fs-native-extensions'))
        console.log('turned', loaded())
      })`
    const { stdout } = await run(
      process.execPath,
      ['--conditions=@holdfast/source', '--input-type=module', '--eval', script],
      { cwd: import.meta.dirname, timeout: 20_000 },
    )
    expect(stdout.split('\n').sort()).toEqual(['', 'kept alive', 'turned false'])
  })
})
