import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeEnvironmentWith } from './node-environment.ts'

function start(fixture: string, ...parameters: string[]) {
  const script = join(import.meta.dirname, `${fixture}.fixture.ts`)
  return spawn(process.execPath, ['--conditions=@holdfast/source', script, ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

describe.each(['kernel', 'pid-file'] as const)('one writer across processes: %s (fault 30)', (kind) => {
  const { locks } = nodeEnvironmentWith({ lock: kind })
  let path: string
  let remove: () => Promise<void>
  const orphans: number[] = []

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    path = `${directory.path}/LOCK`
    remove = directory.remove
  })
  afterEach(async () => {
    for (const pid of orphans.splice(0)) process.kill(pid, 'SIGKILL')
    await remove()
  })

  /** A process that holds the lock, and the pid of the process that it started. */
  async function holder(): Promise<{ child: ReturnType<typeof start>; orphan: number }> {
    const child = start('hold-lock', kind, path)
    const said = String(await once(child.stdout, 'data'))
    expect(said).toMatch(/^held \d+\n$/)
    return { child, orphan: Number(said.slice('held '.length)) }
  }

  it('refuses while another process holds it, and names that one', async () => {
    const { child } = await holder()
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: child.pid })
    child.stdin.end('release')
    await once(child, 'exit')
    await (await locks.acquire(path)).release()
  })

  it('refuses another process while this one holds it', async () => {
    const lock = await locks.acquire(path)
    expect(await text(start('hold-lock', kind, path).stdout)).toBe('LOCKED\n')
    await lock.release()
    const { child } = await holder()
    child.stdin.end('release')
    await once(child, 'exit')
  })

  it('is free without anyone’s help once its owner was killed, though a child of that one lives on', async () => {
    for (let round = 0; round < 2; round += 1) {
      const { child, orphan } = await holder()
      orphans.push(orphan)
      child.kill('SIGKILL')
      await once(child, 'exit')
      process.kill(orphan, 0)
      await (await locks.acquire(path)).release()
    }
  })

  it('lets one in at a time, whoever is killed when', async () => {
    const fighters = Array.from({ length: 3 }, () => text(start('fight-for-lock', kind, path, '150').stdout))
    // One more after the other, each killed at some moment, perhaps while it holds the lock.
    for (let round = 0; round < 6; round += 1) {
      const victim = start('fight-for-lock', kind, path, '1000000')
      await once(victim.stdout, 'data')
      await new Promise((resolve) => {
        setTimeout(resolve, round * 7)
      })
      victim.kill('SIGKILL')
      await once(victim, 'exit')
    }
    const results = await Promise.all(fighters)
    expect(results).toEqual(Array(3).fill('fighting\ntaken 150, violations 0\n'))
    await (await locks.acquire(path)).release()
  })

  it('keeps out the other kind of lock as well, either way round', async () => {
    const other = nodeEnvironmentWith({ lock: kind === 'kernel' ? 'pid-file' : 'kernel' }).locks
    const { child, orphan } = await holder()
    orphans.push(orphan)
    await expect(other.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: child.pid })
    // The one that was refused has left nothing behind that would keep this kind out later.
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: child.pid })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = await other.acquire(path)
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED', pid: process.pid })
    await lock.release()
    await (await locks.acquire(path)).release()
  })
})
