import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ManualClock } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { isGone, parseIdentity, thisProcess } from './process-identity.ts'

const clock = new ManualClock(Date.UTC(2026, 10, 1))

describe('the identity of a process', () => {
  it('names this one, which is not gone', async () => {
    const me = await thisProcess(clock)
    expect(me).toMatchObject({ pid: process.pid, since: '2026-11-01T00:00:00.000Z' })
    expect(await isGone(me)).toBe(false)
    expect(parseIdentity(JSON.stringify(me))).toEqual(me)
  })

  it('takes a process for gone that has ended', async () => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    const { pid = 0 } = child
    await once(child, 'exit')
    expect(await isGone({ ...(await thisProcess(clock)), pid })).toBe(true)
  })

  it.runIf(process.platform === 'linux')(
    'takes a pid for gone that started at another time, or in another boot',
    async () => {
      const me = await thisProcess(clock)
      expect(me.boot).toMatch(/^[0-9a-f-]{36}$/)
      expect(me.start).toMatch(/^\d+$/)
      expect(await isGone({ ...me, start: '1' })).toBe(true)
      expect(await isGone({ ...me, boot: 'another' })).toBe(true)
    },
  )

  it('cannot tell of a process on another machine', async () => {
    const me = await thisProcess(clock)
    expect(await isGone({ ...me, host: 'elsewhere', boot: 'another', pid: 2 ** 22 + 1 })).toBe(false)
  })

  it.each([
    '',
    '{',
    'null',
    '1',
    '[]',
    '{"pid":1}',
    '{"pid":"1","host":"h","since":"s"}',
    '{"pid":1.5,"host":"h","since":"s"}',
  ])('reads nothing from %j', (text) => expect(parseIdentity(text)).toBeUndefined())
})
