import { HoldfastError } from '@holdfast/environment'
import type { FuzzTarget } from './target.ts'

/** What each input of the planted target does, by its index. All others are right. */
export const PLANTED = {
  uncaught: 3,
  undocumented: 5,
  hang: 70,
  memory: 80,
  exit: 90,
  neverSettled: 100,
} as const

const held: Uint8Array[] = []

const planted: FuzzTarget = {
  name: 'planted',
  share: 1000,
  prepare: () =>
    Promise.resolve({
      refusals: new Set(['DECODE_FAILED']),
      run({ index }): string | Promise<string> {
        if (index === PLANTED.uncaught) throw new TypeError('a bug')
        if (index === PLANTED.undocumented) throw new HoldfastError('FAILED', 'not what it should say')
        if (index === PLANTED.hang) for (;;);
        if (index === PLANTED.memory) held.push(new Uint8Array(300 * 1024 * 1024))
        if (index === PLANTED.exit) process.exit(7)
        if (index === PLANTED.neverSettled) return new Promise(() => {})
        if (index % 2 === 0) throw new HoldfastError('DECODE_FAILED', 'as it should')
        return 'decoded'
      },
    }),
}

export const TARGETS: readonly FuzzTarget[] = [planted]
