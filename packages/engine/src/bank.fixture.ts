import type { Environment } from '@holdfast/environment'
import { FaultyFileSystem, memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { expect, onTestFinished } from 'vitest'
import bank, { type Bank } from './bank-machine.fixture.ts'
import type { Machine } from './machine.ts'
import { open } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import type { Store } from './store.ts'

export { type Bank, bank }

export const STORE = '/store'

export type TestEnvironment = Omit<ReturnType<typeof memoryEnvironment>, 'files'> & {
  readonly files: FaultyFileSystem
  readonly memory: MemoryFileSystem
}

/** In memory, with faults on command. */
export function testEnvironment(files: MemoryFileSystem = new MemoryFileSystem(), seed = 1): TestEnvironment {
  return { ...memoryEnvironment(files, seed), files: new FaultyFileSystem(files), memory: files }
}

/** What another process would find if this one died now: all that was written, and no lock. */
export function afterKill({ memory }: TestEnvironment): TestEnvironment {
  return testEnvironment(MemoryFileSystem.of(memory.snapshot()), 2)
}

/** Which files there are below the store, and their bytes, but for the lock. */
export function bytesOf({ memory }: TestEnvironment): Map<string, Buffer> {
  const files = memory.snapshot()
  for (const path of files.keys()) if (path.endsWith('/LOCK')) files.delete(path)
  return files
}

/** Turns one bit over in the middle of the file whose path matches, of several the last one by name. */
export function damage({ memory }: TestEnvironment, path: RegExp, where = 0.5): string {
  const [file, bytes] =
    [...memory.snapshot()]
      .filter(([name]) => path.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .at(-1) ?? []
  if (file === undefined || bytes === undefined) throw new Error(`no file like ${String(path)}`)
  const at = Math.floor(bytes.length * where)
  bytes[at] = (bytes[at] as number) ^ 1
  memory.put(file, bytes)
  return file
}

/** An error with these fields; typed so that matchers take it. */
export function errorLike(code: string, fields: Record<string, unknown> = {}): Error {
  return expect.objectContaining({ code, ...fields }) as Error
}

/** Turns of the event loop: for what goes on in the background. */
export async function turns(environment: Environment, count = 20): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => {
      environment.timers.turn(resolve)
    })
  }
}

/** An open bank, closed when the test ends. */
export async function openBank(
  options: OpenOptions = {},
  environment: TestEnvironment = testEnvironment(),
): Promise<{ readonly store: BankStore; readonly environment: TestEnvironment }> {
  const store = await open(STORE, bank, { environment, ...options })
  onTestFinished(() => store.close())
  return { store, environment }
}

export type BankStore = typeof bank extends Machine<infer State, infer Types> ? Store<State, Types> : never

/** The files whose path matches, by name. */
export function filesLike({ memory }: TestEnvironment, path: RegExp): string[] {
  return [...memory.snapshot().keys()].filter((name) => path.test(name)).sort()
}
