import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { ERROR_CODES } from './error-codes.ts'
import { GapError, HoldfastError, isHoldfastError, LockedError } from './errors.ts'

describe('HoldfastError', () => {
  it('reads: code, what happened, where, what to do', () => {
    const error = new HoldfastError('CORRUPT', 'the frame fails its checksum', {
      path: 'wal/1.wal',
      offset: 4096,
      seq: 12,
      hint: 'Restore a backup.',
    })
    expect(error.message).toBe(
      'CORRUPT: the frame fails its checksum (path wal/1.wal, offset 4096, seq 12). Restore a backup.',
    )
    expect(error).toMatchObject({ path: 'wal/1.wal', offset: 4096, seq: 12, hint: 'Restore a backup.' })
  })

  it('ends in what the list says to do next, unless it is told otherwise', () => {
    expect(new HoldfastError('CLOSED', 'the store is closed').message).toBe(
      `CLOSED: the store is closed. ${ERROR_CODES.CLOSED.next}`,
    )
    const silent = new HoldfastError('CLOSED', 'the store is closed', { hint: '' })
    expect(silent.message).toBe('CLOSED: the store is closed.')
    expect(silent).not.toHaveProperty('hint')
  })

  it('has as properties of its own only what it knows, 0 included', () => {
    const bare = new HoldfastError('CLOSED', 'x', { hint: '' })
    expect(Object.keys(bare)).toEqual(['code'])
    expect(bare).not.toHaveProperty('cause')
    const some = new HoldfastError('CORRUPT', 'x', { offset: 0, seq: 0, cause: undefined })
    expect(some).toMatchObject({ offset: 0, seq: 0 })
    expect(some).not.toHaveProperty('cause')
  })

  it('is an Error with its name, stack and cause', () => {
    const cause = new Error('underneath')
    const error = new HoldfastError('IO_ERROR', 'x', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error.cause).toBe(cause)
    expect(error.name).toBe('HoldfastError')
    expect(error.stack).toMatch(/^HoldfastError: IO_ERROR: x\./)
    expect(inspect(error)).toContain('underneath')
    expect(String(error)).toMatch(/^HoldfastError: IO_ERROR: x\./)
  })
})

describe('its subclasses', () => {
  it('GapError says what was asked for and what is there', () => {
    const error = new GapError(5, 100, { path: 'wal' })
    expect(error).toMatchObject({
      code: 'GAP',
      name: 'GapError',
      requestedSeq: 5,
      firstSeq: 100,
      seq: 5,
      path: 'wal',
    })
    expect(error.message).toMatch(
      /^GAP: sequence 5 was asked for, and the first still there is 100 \(path wal, seq 5\)\. /,
    )
    expect(isHoldfastError(error, 'GAP')).toBe(true)
  })

  it('LockedError names the holder, as far as it is known', () => {
    const error = new LockedError({ pid: 7, host: 'h', since: '2026-01-01T00:00:00.000Z' }, { path: 'LOCK' })
    expect(error).toMatchObject({
      code: 'LOCKED',
      name: 'LockedError',
      pid: 7,
      host: 'h',
      since: '2026-01-01T00:00:00.000Z',
    })
    expect(error.message).toMatch(/^LOCKED: .*process 7 on h since 2026-01-01T00:00:00.000Z \(path LOCK\)\. /)
    expect(new LockedError(undefined).message).toMatch(/^LOCKED: .*could not be named\. /)
    expect(new LockedError(undefined).pid).toBeUndefined()
  })
})

describe('isHoldfastError', () => {
  it('knows its own, by code', () => {
    const error = new HoldfastError('CLOSED', 'x')
    expect(isHoldfastError(error)).toBe(true)
    expect(isHoldfastError(error, 'CLOSED')).toBe(true)
    expect(isHoldfastError(error, 'FAILED')).toBe(false)
  })

  it('knows nothing else', () => {
    for (const other of [
      undefined,
      null,
      'CLOSED',
      { code: 'CLOSED' },
      Object.assign(new Error('x'), { code: 'CLOSED' }),
    ]) {
      expect(isHoldfastError(other)).toBe(false)
    }
  })

  it('knows the errors of another copy of the package', async () => {
    vi.resetModules()
    const copy = await import('./errors.ts')
    const error = new copy.HoldfastError('CLOSED', 'x')
    expect(error).not.toBeInstanceOf(HoldfastError)
    expect(isHoldfastError(error, 'CLOSED')).toBe(true)
  })
})
