import { constants } from 'node:os'
import { expect, it } from 'vitest'
import { HoldfastError } from './errors.ts'
import { errnoOf, ioError } from './io-error.ts'
import { nodeEnvironment } from './node-environment.ts'

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: some words of the system, write`), { code })
}

it.each([
  ['ENOSPC', 'NO_SPACE'],
  ['EDQUOT', 'NO_SPACE'],
  ['EFBIG', 'NO_SPACE'],
  ['EIO', 'IO_ERROR'],
  ['EMFILE', 'IO_ERROR'],
  ['ENFILE', 'IO_ERROR'],
  ['EROFS', 'IO_ERROR'],
  ['EACCES', 'IO_ERROR'],
  ['EINTR', 'IO_ERROR'],
  ['EAGAIN', 'IO_ERROR'],
  ['ENOENT', 'IO_ERROR'],
] as const)('wraps %s as %s, with the cause (fault 16)', (errno, code) => {
  const cause = systemError(errno)
  const error = ioError(cause, { doing: 'write the log', path: '/a/b', offset: 7, outcome: 'unknown' })
  expect(error).toMatchObject({ code, path: '/a/b', offset: 7, outcome: 'unknown', details: { errno } })
  expect(error.cause).toBe(cause)
  expect(error.message).toContain(
    `${code}: could not write the log: ${errno}: some words of the system (path /a/b, offset 7). `,
  )
})

it('finds the name of an error that libuv has none for', () => {
  const { EDQUOT } = constants.errno
  const message = `Unknown system error -${EDQUOT}: Unknown system error -${EDQUOT}, write`
  const cause = Object.assign(new Error(message), { code: `Unknown system error -${EDQUOT}`, errno: -EDQUOT })
  const error = ioError(cause, { doing: 'write the log', path: '/a' })
  expect(error).toMatchObject({ code: 'NO_SPACE', details: { errno: 'EDQUOT' } })
  expect(error.message).toContain('NO_SPACE: could not write the log: EDQUOT (path /a). ')
  const unheardOf = Object.assign(new Error('Unknown system error -4999: x'), {
    code: 'Unknown system error -4999',
    errno: -4999,
  })
  expect(errnoOf(unheardOf)).toBe('Unknown system error -4999')
  // Native addons set no errno.
  const { ENOLCK } = constants.errno
  const addon = Object.assign(new Error(), { code: `Unknown system error -${ENOLCK}` })
  expect(errnoOf(addon)).toBe('ENOLCK')
})

it('passes a HoldfastError through unchanged', () => {
  const error = new HoldfastError('NOT_A_FILE', 'it is a fifo', { path: '/a' })
  expect(ioError(error, { doing: 'open', path: '/b' })).toBe(error)
})

it('wraps what is no system error too', () => {
  const error = ioError('a string', { doing: 'open the file', path: '/a' })
  expect(error).toMatchObject({ code: 'IO_ERROR', cause: 'a string' })
  expect(error.details).toBeUndefined()
})

it('names the path once in a real error', async () => {
  const cause = await nodeEnvironment.files
    .rename('/nowhere/from', '/nowhere/to')
    .catch((error: unknown) => error)
  const { message } = ioError(cause, { doing: 'rename the file', path: '/nowhere/to' })
  expect(message).toMatch(
    /^IO_ERROR: could not rename the file: ENOENT: no such file or directory \(path \/nowhere\/to\)\. /,
  )
})

it('reads the errno of system errors only', () => {
  expect(errnoOf(systemError('EIO'))).toBe('EIO')
  expect(errnoOf(new Error('x'))).toBeUndefined()
  expect(errnoOf({ code: 'EIO' })).toBeUndefined()
})
