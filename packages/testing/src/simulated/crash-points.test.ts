import { describe, expect, it } from 'vitest'
import { cutAt, recordCrashPoints, type Workload } from './crash-points.ts'
import { cutFile, flipBit, loseFile, overwrite, swapFiles } from './damage.ts'
import { SimulatedDisk } from './disk.ts'
import { SimulatedEnvironment } from './simulated-environment.ts'
import { survivalNamed } from './survival.ts'

/** Writes a, b and c to files of these names, each synced with its name before the next. */
function threeFiles(): Workload<{ acknowledged: readonly string[] }> {
  let acknowledged: readonly string[] = []
  return {
    observe: () => ({ acknowledged }),
    async run({ files }) {
      acknowledged = []
      for (const name of ['a', 'b', 'c']) {
        const file = await files.open(`/${name}`, 'create')
        await file.write(Buffer.from(name), 0)
        await file.sync()
        await files.syncDirectory('/')
        acknowledged = [...acknowledged, name]
      }
    },
  }
}

describe('recordCrashPoints', () => {
  it('gives every moment, with what was acknowledged by then and a disk that has it', async () => {
    const run = await recordCrashPoints(threeFiles())
    expect(run.operations).toBe(12)
    expect(run.end.observed).toEqual({ acknowledged: ['a', 'b', 'c'] })
    // A sync changes nothing before it returns: cut off, it is the write that was cut off.
    expect(run.points.map(({ operation }) => operation.call).slice(0, 4)).toEqual([
      'open',
      'write',
      'syncDirectory',
      'open',
    ])
    for (const { observed, before, during } of run.points) {
      for (const disk of [before, during]) {
        const left = disk.afterPowerCut(survivalNamed('nothing'))
        expect(left.paths()).toEqual(observed.acknowledged.map((name) => `/${name}`))
        for (const name of observed.acknowledged) expect(left.contentOf(`/${name}`).toString()).toBe(name)
      }
    }
  })

  it('says that a workload waits for what never comes', async () => {
    const run: Workload<object>['run'] = async ({ files }) => {
      await files.stat('/')
      await new Promise(() => {})
    }
    await expect(recordCrashPoints({ observe: () => ({}), run })).rejects.toThrow('never comes')
  })
})

describe('cutAt', () => {
  it('stops the world at an operation, as the recorded run has it', async () => {
    const { points } = await recordCrashPoints(threeFiles(), { seed: 5 })
    for (const point of points) {
      const cut = await cutAt(point.operation.index, threeFiles(), { seed: 5 })
      expect(cut.operation).toEqual(point.operation)
      expect(cut.observed).toEqual(point.observed)
      expect(cut.during.paths()).toEqual(point.during.paths())
    }
  })

  it('refuses an operation that the run does not have', async () => {
    await expect(cutAt(12, threeFiles())).rejects.toThrow(RangeError)
  })
})

describe('damage', () => {
  it('changes what the disk holds, on this disk only', async () => {
    const disk = new SimulatedDisk()
    await threeFiles().run(new SimulatedEnvironment({ disk }))
    const kept = disk.fork()
    flipBit(disk, '/a', 1)
    swapFiles(disk, '/b', '/c')
    overwrite(disk, '/b', 2, Buffer.from('!'))
    cutFile(disk, '/c', 0)
    expect(disk.afterPowerCut(survivalNamed('nothing')).paths()).toEqual(['/a', '/b', '/c'])
    const after = disk.afterPowerCut(survivalNamed('nothing'))
    expect(['/a', '/b', '/c'].map((path) => after.contentOf(path).toString())).toEqual(['c', 'c\0!', ''])
    loseFile(disk, '/a')
    expect(disk.afterPowerCut(survivalNamed('nothing')).paths()).toEqual(['/b', '/c'])
    expect(['/a', '/b', '/c'].map((path) => kept.contentOf(path).toString())).toEqual(['a', 'b', 'c'])
  })
})
