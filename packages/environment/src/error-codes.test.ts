import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from './error-codes.ts'
import { renderErrorCodes } from './render-error-codes.fixture.ts'

describe('the list of error codes', () => {
  it('is what docs/errors.md says', async () => {
    await expect(renderErrorCodes()).toMatchFileSnapshot('../../../docs/errors.md')
  })

  it.each(Object.entries(ERROR_CODES))(
    '%s says in whole sentences what, what is safe and what next',
    (code, entry) => {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
      expect(Object.keys(entry)).toEqual(['what', 'safe', 'next'])
      for (const text of Object.values(entry)) expect(text).toMatch(/^[\p{Lu}`].*[.?)`]$/su)
    },
  )
})
