import { errnoError } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { renameWithRetries } from './rename-with-retries.ts'

describe('renameWithRetries, which Windows needs', () => {
  function failing(times: number, errno: string) {
    const state = { attempts: 0, pauses: [] as number[] }
    const run = renameWithRetries(
      async () => {
        state.attempts += 1
        if (state.attempts <= times) throw errnoError(errno, { call: 'rename', path: '/from' })
      },
      async (ms) => state.pauses.push(ms),
      '/from',
      '/to',
    )
    return { state, run }
  }

  it.each(['EPERM', 'EBUSY', 'EACCES'])('waits out %s, longer each time', async (errno) => {
    const { state, run } = failing(4, errno)
    await run
    expect(state).toEqual({ attempts: 5, pauses: [1, 2, 4, 8] })
  })

  it('gives up after a bound, with the error of the system', async () => {
    const { state, run } = failing(Number.POSITIVE_INFINITY, 'EBUSY')
    await expect(run).rejects.toMatchObject({ code: 'EBUSY' })
    expect(state.attempts).toBe(12)
    expect(state.pauses.reduce((sum, ms) => sum + ms)).toBeLessThan(2000)
  })

  it('does not try again what no waiting helps', async () => {
    const { state, run } = failing(1, 'ENOENT')
    await expect(run).rejects.toMatchObject({ code: 'ENOENT' })
    expect(state.attempts).toBe(1)
  })
})
