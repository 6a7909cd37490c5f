// A disk that remembers (disk.c), with a loop device on it, and a place to mount what is on that.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { type FileSystemKind } from './file-systems.ts'

export const run: (program: string, args: readonly string[]) => Promise<{ stdout: string; stderr: string }> =
  promisify(execFile)

/** Orders that disk.c knows, under the same names. */
const ORDER = { base: 1, over: 2, drop: 3, clear: 4, log: 5, fail: 6 } as const
const ORDER_HEADER_BYTES = 16
/** An order must come in one request of the kernel, which takes a MiB. */
const ORDER_MAX_BYTES = 256 * 1024
const FAIL = { write: 1, flush: 2 } as const

export type Request = keyof typeof FAIL

const START_MAX_MS = 10_000
const START_POLL_MS = 5

/**
 * Waits until the harness has gone, in good order or not, and then gives back what would stay for good: the
 * mount, the loop device, the disk itself. Whoever still uses them keeps them no longer than it lives.
 */
const JANITOR = `
cat >/dev/null
again() { for _ in 1 2 3 4 5 6 7 8 9 10; do "$@" 2>/dev/null && return 0; sleep 0.2; done; return 1; }
if mountpoint -q "$0/mounted"; then again umount "$0/mounted" || umount -l "$0/mounted"; fi
losetup -n -l -O NAME,BACK-FILE | while read -r loop file; do
  if [ "$file" = "$0/device/disk" ]; then losetup -d "$loop"; fi
done
if mountpoint -q "$0/device"; then again umount "$0/device" || umount -l "$0/device"; fi
again rm -rf --one-file-system "$0"
`

export class BlockDevice {
  readonly #directory: string
  readonly #janitor: ChildProcess
  readonly #control: number
  readonly #notes: number
  readonly #mounter: ChildProcess
  readonly #answers: AsyncIterator<string>
  /** The block device. */
  readonly loop: string
  /** Where it is mounted. */
  readonly mountPoint: string
  /** A file whose every write is a note in the log. */
  readonly notesPath: string

  private constructor(directory: string, janitor: ChildProcess, loop: string) {
    this.#directory = directory
    this.#janitor = janitor
    this.loop = loop
    this.mountPoint = join(directory, 'mounted')
    this.notesPath = join(directory, 'device', 'notes')
    this.#control = openSync(join(directory, 'device', 'control'), 'r+')
    this.#notes = openSync(this.notesPath, 'r+')
    this.#mounter = spawn(join(directory, 'mounter'), [loop, this.mountPoint], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#answers = createInterface({ input: this.#mounter.stdout as Readable })[Symbol.asyncIterator]()
  }

  /** Of so many bytes, all of them zero. It is there until `close`, or until this process ends. */
  static async open(bytes: number, sectorBytes: number): Promise<BlockDevice> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-disk-'))
    // In a session of its own: an interrupt at the terminal is for the harness alone.
    const janitor = spawn('sh', ['-c', JANITOR, directory], {
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    try {
      await mkdir(join(directory, 'mounted'))
      await mkdir(join(directory, 'device'))
      await startDevice(directory, bytes)
      const disk = join(directory, 'device', 'disk')
      const options = ['--find', '--show', '--direct-io=on', '--sector-size', String(sectorBytes), disk]
      const { stdout } = await run('losetup', options)
      return new BlockDevice(directory, janitor, stdout.trim())
    } catch (error) {
      await dismiss(janitor)
      throw error
    }
  }

  /** A path beside the device, gone with it. */
  scratch(name: string): string {
    return join(this.#directory, name)
  }

  /** Lays bytes out as the base. What was written over them stays above. */
  layBase(bytes: Uint8Array, offset: number): void {
    this.#lay(ORDER.base, bytes, offset)
  }

  /** Lays bytes over the base, as if they had been written. */
  layOver(bytes: Uint8Array, offset: number): void {
    this.#lay(ORDER.over, bytes, offset)
  }

  /** Back to the base: everything written since is gone. */
  drop(): void {
    this.#order(ORDER.drop, 0, 0)
  }

  /** Back to zeros. */
  clear(): void {
    this.#order(ORDER.clear, 0, 0)
  }

  /** From here on every write, flush and note goes to this file, which begins anew. */
  startLog(path: string): void {
    this.#order(ORDER.log, 0, 0, Buffer.from(path))
  }

  stopLog(): void {
    this.#order(ORDER.log, 0, 0)
  }

  note(text: string): void {
    writeSync(this.#notes, text)
  }

  /** The nth request of this kind from here on fails with EIO; only that one. */
  failOnce(request: Request, nth: number): void {
    this.#order(ORDER.fail, FAIL[request], nth)
  }

  failNone(): void {
    this.#order(ORDER.fail, 0, 0)
  }

  async make({ make: [program, ...options] }: FileSystemKind): Promise<void> {
    await run(program, [...options, this.loop])
  }

  /** Recovers what is on the device, as the file system does that by itself. */
  async mount({ name, mountOptions }: FileSystemKind): Promise<void> {
    await this.#ask(`+${name} ${mountOptions}`, 'mount')
  }

  async unmount(): Promise<void> {
    await this.#ask('-', 'umount')
  }

  async close(): Promise<void> {
    closeSync(this.#control)
    closeSync(this.#notes)
    this.#mounter.stdin?.end()
    await dismiss(this.#janitor)
  }

  async #ask(order: string, call: string): Promise<void> {
    this.#mounter.stdin?.write(`${order}\n`)
    const answer = (await this.#answers.next()) as IteratorResult<string, undefined>
    const errno = Number(answer.value)
    if (errno !== 0) throw new Error(`${call}: errno ${errno}`)
  }

  #lay(order: number, bytes: Uint8Array, offset: number): void {
    for (let at = 0; at < bytes.length; at += ORDER_MAX_BYTES) {
      this.#order(order, 0, offset + at, bytes.subarray(at, at + ORDER_MAX_BYTES))
    }
  }

  #order(what: number, length: number, offset: number, bytes: Uint8Array = new Uint8Array(0)): void {
    const order = Buffer.alloc(ORDER_HEADER_BYTES + bytes.length)
    order.writeUInt32LE(what, 0)
    order.writeUInt32LE(length, 4)
    order.writeBigUInt64LE(BigInt(offset), 8)
    order.set(bytes, ORDER_HEADER_BYTES)
    writeSync(this.#control, order)
  }
}

async function startDevice(directory: string, bytes: number): Promise<void> {
  await compilePrograms(directory)
  const said = join(directory, 'said')
  const log = openSync(said, 'w')
  const device = spawn(join(directory, 'disk'), [join(directory, 'device'), String(bytes)], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  device.unref()
  for (const until = performance.now() + START_MAX_MS; performance.now() < until; ) {
    if (existsSync(join(directory, 'device', 'control'))) return
    if (device.exitCode !== null) break
    await sleep(START_POLL_MS)
  }
  throw new Error(`the device did not start: ${await readFile(said, 'utf8')}`)
}

/** Compiles what is in C. Throws where that can't be done. */
async function compilePrograms(directory: string): Promise<void> {
  const { stdout } = await run('pkg-config', ['--cflags', '--libs', 'fuse3'])
  const options = stdout.trim().split(/\s+/)
  for (const program of ['disk', 'mounter']) {
    const source = join(import.meta.dirname, `${program}.c`)
    await run('gcc', ['-O2', '-o', join(directory, program), source, ...options])
  }
}

/** It tidies up, and ends. */
async function dismiss(janitor: ChildProcess): Promise<void> {
  const ended = once(janitor, 'exit')
  janitor.stdin?.end()
  await ended
}
