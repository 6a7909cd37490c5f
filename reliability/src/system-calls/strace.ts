// strace on a running thread: what it is told to do to calls, and what it saw of them.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CALLS } from './faults.ts'

/** Not in the call: it is no dependency, it is there or this is skipped. */
const STRACE = 'strace'
/** Attaching takes a thousandth of this on an idle machine. */
const ATTACH_MAX_MS = 60_000

/** One that is attached. It ends with the thread, or by `detach`. */
export class Strace {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(process: ChildProcess) {
    this.#process = process
    // Where it could not even be started there is no exit, but an error, which `attach` tells of.
    this.#exited = once(process, 'exit').catch(() => {})
  }

  /** Watches one thread, and counts its calls from here on. `inject` as strace has it. */
  static async attach(thread: number, traceFile: string, inject: readonly string[]): Promise<Strace> {
    const injections = inject.flatMap((each) => ['-e', `inject=${each}`])
    // Marks are left by access.
    const trace = `trace=${[...CALLS, 'access', 'faccessat', 'faccessat2'].join(',')}`
    const process = spawn(
      STRACE,
      ['-p', String(thread), '-y', '-s', '0', '-o', traceFile, '-e', trace, ...injections],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const strace = new Strace(process)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`strace did not attach: ${said}`)), ATTACH_MAX_MS)
      process.once('error', reject)
      process.once('exit', () => reject(new Error(`strace did not attach: ${said}`)))
      process.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (!said.includes(' attached')) return
        clearTimeout(late)
        resolve()
      })
    }).catch((error: unknown) => {
      process.kill('SIGKILL')
      throw error
    })
    return strace
  }

  /** Lets go of the thread, if it lives. The trace is complete on return. */
  async detach(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGINT')
      await this.#exited
    }
  }
}

/** Why it can't be used here; `undefined` where it can. */
export async function straceIsMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'this is not Linux'
  // A thread of a process that is no child of strace's own: what some machines forbid to all but root.
  const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' })
  const traceFile = join(tmpdir(), `holdfast-strace-${process.pid}`)
  try {
    await once(sleeper, 'spawn')
    const strace = await Strace.attach(sleeper.pid ?? 0, traceFile, ['fdatasync:error=EIO:when=1'])
    await strace.detach()
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'strace is not installed'
    return error instanceof Error ? error.message.trim() : String(error)
  } finally {
    sleeper.kill('SIGKILL')
    await rm(traceFile, { force: true })
  }
}
