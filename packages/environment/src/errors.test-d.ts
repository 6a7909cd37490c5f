import { expectTypeOf, it } from 'vitest'
import type { ERROR_CODES, ErrorCode } from './error-codes.ts'
import { GapError, HoldfastError, isHoldfastError } from './errors.ts'

it('isHoldfastError narrows what was caught', () => {
  const caught: unknown = undefined
  if (isHoldfastError(caught)) {
    expectTypeOf(caught).toEqualTypeOf<HoldfastError>()
    expectTypeOf(caught.code).toEqualTypeOf<ErrorCode>()
    expectTypeOf(caught.outcome).toEqualTypeOf<'not-written' | 'unknown' | undefined>()
  }
})

it('takes codes of the list, and fields that may be undefined', () => {
  expectTypeOf<keyof typeof ERROR_CODES>().toEqualTypeOf<ErrorCode>()
  expectTypeOf(HoldfastError).toBeConstructibleWith('CLOSED', 'the store is closed', { path: undefined })
  // @ts-expect-error: no such code
  new HoldfastError('NO_SUCH_CODE', 'x')
  expectTypeOf(new GapError(1, 2).firstSeq).toEqualTypeOf<number>()
})
