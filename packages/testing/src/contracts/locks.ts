import type { Locks } from '@holdfast/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Locks to be tested, and a path at which nothing stands, in a directory that is there. */
export interface LocksUnderTest {
  /** Another instance each time, as two stores in one process would have. */
  locks(): Locks
  readonly path: string
  /** Removes what the test left. */
  dispose(): Promise<void>
}

/** What every `Locks` must do inside one process. What processes do to each other is tested beside each of them. */
export function locksContract(name: string, make: () => Promise<LocksUnderTest>): void {
  describe(`Locks contract: ${name}`, () => {
    let under: LocksUnderTest

    beforeEach(async () => {
      under = await make()
    })
    afterEach(() => under.dispose())

    it('gives a lock, and gives it again after it was released', async () => {
      for (let round = 0; round < 3; round += 1) {
        const lock = await under.locks().acquire(under.path)
        await lock.release()
      }
    })

    it('refuses a second lock in this process, from the same instance and from another', async () => {
      const locks = under.locks()
      const lock = await locks.acquire(under.path)
      await expect(locks.acquire(under.path)).rejects.toMatchObject({ code: 'LOCKED' })
      await expect(under.locks().acquire(under.path)).rejects.toMatchObject({ code: 'LOCKED' })
      // A refused attempt opens and closes the lock file, which must not take the lock away (as POSIX locks would have it).
      await expect(locks.acquire(under.path)).rejects.toMatchObject({ code: 'LOCKED' })
      await lock.release()
      await (await locks.acquire(under.path)).release()
    })

    it('names the holder in the error: pid, host and since when', async () => {
      const lock = await under.locks().acquire(under.path)
      const error = await under
        .locks()
        .acquire(under.path)
        .then(
          () => undefined,
          (refusal: unknown) => refusal as Error & Record<'pid' | 'host' | 'since', unknown>,
        )
      expect(error).toMatchObject({ code: 'LOCKED', pid: process.pid })
      expect(error?.host).toEqual(expect.any(String))
      expect(Number.isNaN(Date.parse(String(error?.since)))).toBe(false)
      for (const part of [process.pid, error?.host, error?.since])
        expect(error?.message).toContain(String(part))
      await lock.release()
    })

    it('releases once: a second release does not take the lock from the next holder', async () => {
      const first = await under.locks().acquire(under.path)
      await first.release()
      const second = await under.locks().acquire(under.path)
      await first.release()
      await expect(under.locks().acquire(under.path)).rejects.toMatchObject({ code: 'LOCKED' })
      await second.release()
    })

    it('lets one of many in who come at the same time', async () => {
      const attempts = Array.from({ length: 12 }, () => under.locks().acquire(under.path))
      const results = await Promise.allSettled(attempts)
      const won = results.filter((result) => result.status === 'fulfilled')
      const lost = results.filter((result) => result.status === 'rejected')
      expect(won).toHaveLength(1)
      for (const { reason } of lost) expect(reason).toMatchObject({ code: 'LOCKED' })
      await won[0]?.value.release()
      await (await under.locks().acquire(under.path)).release()
    })

    it('locks one path and not another', async () => {
      const one = await under.locks().acquire(under.path)
      const other = await under.locks().acquire(`${under.path}-other`)
      await one.release()
      await other.release()
    })
  })
}
