import { execFile } from 'node:child_process'
import { pbkdf2 } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { constants, getPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openDescriptors, temporaryDirectory } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeEnvironment } from './node-environment.ts'
import { run } from './worker-task.fixture.ts'

const MODULE = new URL('worker-task.fixture.ts', import.meta.url)

async function inThread(
  task: string,
  silentMs = 30_000,
  directory = '',
  signal?: AbortSignal,
): Promise<unknown> {
  return nodeEnvironment.workers.run(
    { module: MODULE, run },
    { task, directory },
    { silentMs, environment: nodeEnvironment, signal },
  )
}

describe('a worker thread', () => {
  it('runs a task in a thread of its own, and gives what came of it', async () => {
    expect(await inThread('answers')).toBeGreaterThan(0)
  })

  it.runIf(process.platform === 'linux')(
    'goes behind the thread that asked for it, which stays where it is',
    async () => {
      const before = getPriority()
      expect(await inThread('saysItsPriority')).toBe(
        Math.max(before, constants.priority.PRIORITY_BELOW_NORMAL),
      )
      expect(getPriority()).toBe(before)
    },
  )

  it('has the file system, all of it', async () => {
    const { path, remove } = await temporaryDirectory()
    onTestFinished(() => remove())
    const before = await openDescriptors(path)
    expect(await inThread('useFiles', 30_000, path)).toEqual({
      text: 'written!\0',
      size: 9,
      stat: { type: 'file', bytes: 9 },
      names: ['inside', 'renamed'],
    })
    expect(await openDescriptors(path)).toEqual(before)
  })

  it('passes on an error of ours with all that it knows', async () => {
    await expect(inThread('refuses')).rejects.toMatchObject({
      code: 'CORRUPT',
      path: '/somewhere',
      offset: 7,
      seq: 9,
      details: { reason: 'header' },
      message: expect.stringMatching(
        /^CORRUPT: it is damaged \(path \/somewhere, offset 7, seq 9\)\. /,
      ) as string,
      stack: expect.stringContaining('worker-task.fixture') as string,
      cause: { code: 'NO_SPACE', cause: { code: 'ENOSPC', message: 'no' } },
    })
  })

  it('passes on any other error with its name and message', async () => {
    await expect(inThread('throws')).rejects.toMatchObject({ name: 'RangeError', message: 'by mistake' })
    await expect(inThread('throwsText')).rejects.toMatchObject({ message: 'text' })
  })

  it.each([
    ['leaves', 'ended without a result (exit code 3)', undefined],
    ['breaksOff', 'broke off', 'behind its back'],
    ['sendsWhatCannotBeSent', 'could not be cloned', undefined],
  ])('that %s has failed, and says how', async (task, how, cause) => {
    const failure = await inThread(task).catch((error: unknown) => error as Error)
    expect(String(failure)).toContain(how)
    expect((failure as Error & { cause?: Error }).cause?.message).toBe(cause)
  })

  it('that hangs is ended', async () => {
    await expect(inThread('hangs', 1500)).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringContaining('gave no sign of life for 1500 ms') as string,
    })
  })

  it('that is slow and gives signs of life is not', { tags: ['long'] }, async () => {
    expect(await inThread('isSlow', 2500, '.')).toBe('done')
  })

  it('is ended when nobody wants it any more, however busy it is', async () => {
    for (const ms of [0, 1000]) {
      const controller = new AbortController()
      const running = inThread('hangs', 60_000, '', controller.signal)
      if (ms === 0) controller.abort('enough')
      else setTimeout(() => controller.abort('enough'), ms)
      await expect(running).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
    }
  })

  it('leaves no file open that it was closing when nobody wanted it any more', {
    tags: ['long'],
  }, async () => {
    const { path, remove } = await temporaryDirectory()
    onTestFinished(() => remove())
    await writeFile(`${path}/opened`, '')
    const before = await openDescriptors(path)
    // The pool of threads that calls of the file system wait for is that of the process: what waits in it is forgotten.
    let isOver = false
    const busy = Array.from({ length: 12 }, async () => {
      while (!isOver) await promisify(pbkdf2)('', '', 4000, 64, 'sha512')
    })
    for (let i = 0; i < 8; i++) {
      const controller = new AbortController()
      const running = inThread('opens', 60_000, path, controller.signal)
      setTimeout(() => controller.abort(), 700 + i)
      await expect(running).rejects.toMatchObject({ code: 'ABORTED' })
    }
    isOver = true
    await Promise.all(busy)
    expect(await openDescriptors(path)).toEqual(before)
  })

  it('is over once it has answered, whatever it left running', async () => {
    expect(await inThread('lingers')).toBe('left something running')
  })

  it('that runs out of memory leaves the process alone', { tags: ['long'] }, async () => {
    const flags = ['--conditions=@holdfast/source', '--max-old-space-size=64']
    const child = await promisify(execFile)(process.execPath, [...flags, fileURLToPath(MODULE), 'fill'])
    expect(child.stdout).toMatch(/^HoldfastError: WORKER_FAILED: the worker thread ran out of memory/)
  })

  it('says which module it could not be started with', async () => {
    const running = nodeEnvironment.workers.run(
      { module: new URL('not-there.ts', import.meta.url), run },
      {},
      { silentMs: 30_000, environment: nodeEnvironment },
    )
    await expect(running).rejects.toThrow('not-there.ts')
  })
})
