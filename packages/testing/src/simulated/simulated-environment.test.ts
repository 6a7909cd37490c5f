import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { fileSystemContract, locksContract } from '../contracts/index.ts'
import type { SimulatedDisk } from './disk.ts'
import { SimulatedEnvironment } from './simulated-environment.ts'

fileSystemContract('SimulatedFileSystem', async () => {
  const { files } = new SimulatedEnvironment({ seed: 7 })
  await files.makeDirectory('/store')
  return { files, root: '/store', dispose: async () => {} }
})

locksContract('SimulatedLocks', async () => {
  const environment = new SimulatedEnvironment({ seed: 7 })
  await environment.files.makeDirectory('/store')
  return { locks: () => environment.locks, path: '/store/LOCK', dispose: async () => {} }
})

describe('SimulatedEnvironment', () => {
  it('does the same again with the same seed, and something else with another', async () => {
    const run = async (seed: number): Promise<string> => {
      const environment = new SimulatedEnvironment({ seed })
      const happened: string[] = []
      const files = ['a', 'b', 'c', 'd'].map(async (name) => {
        const file = await environment.files.open(`/${name}`, 'create')
        await file.write(environment.random.bytes(4), 0)
        happened.push(`${name} ${environment.clock.monotonic()} ${environment.random.uint32()}`)
      })
      environment.timers.after(1, () => happened.push('timer'))
      await Promise.all(files)
      return happened.join('\n')
    }
    expect(await run(3)).toBe(await run(3))
    expect(await run(3)).not.toBe(await run(4))
  })

  it('lets time jump to a timer only when there is nothing else to do', async () => {
    const environment = new SimulatedEnvironment()
    const happened: string[] = []
    const timer = new Promise<void>((resolve) => {
      environment.timers.after(1000, () => {
        happened.push('timer')
        resolve()
      })
    })
    for (let i = 0; i < 20; i += 1) await environment.files.stat('/')
    happened.push('files')
    await timer
    expect(happened).toEqual(['files', 'timer'])
    expect(environment.clock.monotonic()).toBeGreaterThanOrEqual(1000)
  })

  it('runs what follows from one operation before the next is made', async () => {
    const environment = new SimulatedEnvironment()
    const happened: string[] = []
    const first = environment.files.stat('/').then(async () => {
      for (let i = 0; i < 20; i += 1) await Promise.resolve()
      happened.push('what follows from the first')
    })
    let drawn: string | undefined
    const second = new Promise<void>((resolve) => {
      environment.timers.turn(() => {
        drawn = happened[0]
        resolve()
      })
    })
    await Promise.all([first, second])
    // Whichever was drawn first: it had ended before the other began.
    expect([undefined, 'what follows from the first']).toContain(drawn)
  })

  it('returns nothing any more once it was stopped', async () => {
    const environment = new SimulatedEnvironment()
    let returned = false
    void environment.files.stat('/').then(() => {
      returned = true
    })
    environment.timers.after(0, () => {
      returned = true
    })
    environment.stop()
    await nextTurn()
    expect(returned).toBe(false)
  })

  it('is killed and cut off the power, by the name of what survives', async () => {
    const environment = new SimulatedEnvironment()
    const file = await environment.files.open('/file', 'create')
    await environment.files.syncDirectory('/')
    await file.write(Buffer.from('kept'), 0)
    await file.sync()
    await file.write(Buffer.from('lost'), 0)
    const content = (disk: SimulatedDisk): string => disk.contentOf('/file').toString()
    expect(content(environment.kill())).toBe('lost')
    expect(content(environment.cutPower())).toBe('kept')
    expect(content(environment.cutPower('everything'))).toBe('lost')
    expect(content(environment.cutPower({ name: 'my own', survives: () => false }))).toBe('kept')
    expect(() => environment.cutPower('something')).toThrow("no survival is called 'something'")
    let returned = false
    void environment.files.stat('/').then(() => {
      returned = true
    })
    await nextTurn()
    expect(returned).toBe(false)
  })

  it('ends at the nth call of a kind, which is not made any more', async () => {
    const environment = new SimulatedEnvironment()
    environment.files.fail({ on: 'write', nth: 2, fault: { before: () => environment.stop() } })
    let written = 0
    void environment.files.open('/file', 'create').then(async (file) => {
      for (;;) written += await file.write(Buffer.from('abc'), written)
    })
    while (!environment.simulation.stopped) await nextTurn()
    await nextTurn()
    expect(written).toBe(3)
    expect(environment.kill().contentOf('/file').toString()).toBe('abc')
  })

  it('fails the nth call, writes short, and hangs, as it is told', async () => {
    const { files } = new SimulatedEnvironment()
    const file = await files.open('/file', 'create')
    files.fail({ on: 'write', nth: 2, fault: { errno: 'EIO' } })
    expect(await file.write(Buffer.from('abc'), 0)).toBe(3)
    await expect(file.write(Buffer.from('abc'), 3)).rejects.toMatchObject({ code: 'EIO' })
    expect(await file.size()).toBe(3)
    files.clearRules()
    files.fail({ on: 'write', fault: { shortBytes: 2 } })
    expect(await file.write(Buffer.from('def'), 3)).toBe(2)
    let release = (): void => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    files.fail({ on: 'sync', fault: { hang } })
    let synced = false
    const syncing = file.sync().then(() => {
      synced = true
    })
    await files.stat('/')
    expect(synced).toBe(false)
    release()
    await syncing
  })

  it('runs out of space: first short, then ENOSPC, and has room again after a file has gone', async () => {
    const { files } = new SimulatedEnvironment({ capacityBytes: 2048 })
    const one = await files.open('/one', 'create')
    await one.write(Buffer.alloc(1024, 1), 0)
    const two = await files.open('/two', 'create')
    expect(await two.write(Buffer.alloc(2000, 2), 0)).toBe(1024)
    await expect(two.write(Buffer.alloc(976, 2), 1024)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(await two.write(Buffer.alloc(1000, 3), 0)).toBe(1000)
    await one.truncate(0)
    expect(await two.write(Buffer.alloc(976, 2), 1024)).toBe(976)
  })
})
