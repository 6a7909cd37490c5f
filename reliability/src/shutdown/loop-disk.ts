import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { promisify } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { type FileSystemKind, type Formatting, IMAGE_BYTES } from './file-systems.ts'

const run = promisify(execFile)

/**
 * What the shutdown ioctl does before it stops the file system: 0 writes everything, 1 writes the journal, 2
 * writes nothing.
 */
export type ShutdownFlag = 0 | 1 | 2

/** A file as a disk of its own, with a file system that can be stopped from one moment to the next. */
export class LoopDisk {
  /** Holds all of it. */
  readonly directory: string
  readonly mountPoint: string
  readonly #image: string
  readonly #kind: FileSystemKind
  readonly #helper: ChildProcess
  readonly #answers: Interface
  #mountOptions = ''

  private constructor(directory: string, kind: FileSystemKind) {
    this.directory = directory
    this.mountPoint = join(directory, 'mounted')
    this.#image = join(directory, 'image')
    this.#kind = kind
    const program = join(import.meta.dirname, 'shut-down.py')
    this.#helper = spawn('python3', [program, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#helper.stdout as NodeJS.ReadableStream })
  }

  /** Rejects where this machine has no loop devices, no such file system, no right to mount, and so on. */
  static async make(kind: FileSystemKind): Promise<LoopDisk> {
    const { path } = await temporaryDirectory()
    const disk = new LoopDisk(path, kind)
    await Promise.all([once(disk.#helper, 'spawn'), mkdir(disk.mountPoint)])
    return disk
  }

  /** Makes the file system anew, and mounts it. */
  async format({ make: [program, ...options], mountOptions }: Formatting): Promise<void> {
    await writeFile(this.#image, '')
    await truncate(this.#image, IMAGE_BYTES)
    await run(program, [...options, this.#image])
    this.#mountOptions = mountOptions
    await this.mount()
  }

  async mount(): Promise<void> {
    // With a loop device that goes when it is unmounted.
    const options = ['-t', this.#kind.name, '-o', `loop,${this.#mountOptions}`]
    await run('mount', [...options, this.#image, this.mountPoint])
  }

  /** Rejects while anything in it is open. */
  async unmount(): Promise<void> {
    await run('umount', [this.mountPoint])
  }

  /** Everything that was not written by now is lost. Resolves once the file system has stopped. */
  async shutDown(flag: ShutdownFlag): Promise<void> {
    const answered = once(this.#answers, 'line') as Promise<[string]>
    this.#helper.stdin?.write(`${flag} ${this.mountPoint}\n`)
    const [answer] = await answered
    if (answer !== 'ok') throw new Error(`the shutdown ioctl: ${answer}`)
  }

  /** Unmounts it if need be, and removes it; `keep` leaves the image to be looked at. */
  async end(keep: boolean): Promise<void> {
    const ended = once(this.#helper, 'exit')
    this.#helper.stdin?.end(keep ? 'keep\n' : '')
    await ended
  }
}

/** Why this machine cannot do it, or `undefined`: it is tried. */
export async function missingFor(kind: FileSystemKind): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'loop devices and mounting need root'
  // Where it isn't a module, or there are none, mounting says so.
  await run('modprobe', [kind.name]).catch(() => {})
  let disk: LoopDisk | undefined
  try {
    disk = await LoopDisk.make(kind)
    await disk.format({ make: kind.make, mountOptions: 'defaults' })
    await disk.shutDown(2)
    return undefined
  } catch (error) {
    return String((error as Error).message)
      .trim()
      .split('\n')
      .at(-1)
  } finally {
    await disk?.end(false)
  }
}
