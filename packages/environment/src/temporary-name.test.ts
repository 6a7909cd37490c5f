import { SeededRandom } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { isTemporaryName, temporaryName } from './temporary-name.ts'

it('makes names beside the file that are recognised, and differ', () => {
  const random = new SeededRandom(1)
  const names = Array.from({ length: 100 }, () => temporaryName('/data/MANIFEST', random))
  expect(new Set(names).size).toBe(100)
  for (const name of names) {
    expect(name.startsWith('/data/MANIFEST.')).toBe(true)
    expect(isTemporaryName(name)).toBe(true)
  }
})

it.each([
  'MANIFEST',
  'LOCK',
  'LOCK.pid',
  'a.tmp',
  'x.0123456789abcde.tmp',
  'x.0123456789ABCDEF.tmp',
  'x.0123456789abcdef.tmp.wal',
])('does not take %s for temporary', (name) => expect(isTemporaryName(name)).toBe(false))
