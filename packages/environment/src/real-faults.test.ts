import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SeededRandom, smallDisk, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeEnvironment } from './node-environment.ts'
import { replaceFile } from './replace-file.ts'
import { temporaryName } from './temporary-name.ts'
import { writeAll } from './transfer.ts'

const run = promisify(execFile)
const NODE = [process.execPath, '--conditions=@holdfast/source'] as const

/** One after the other: strace counts calls for each thread, and threads overtake each other. */
const ONE_THREAD = { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } }

const fixture = (name: string) => join(import.meta.dirname, `${name}.fixture.ts`)

const disk = await smallDisk(64 * 1024)
await disk?.remove()
const strace = await run('strace', ['-qq', '-o', '/dev/null', 'true']).then(
  () => true,
  () => false,
)
const linux = process.platform === 'linux'
if (disk === undefined)
  console.warn('SKIPPED: a disk that is full for real: mounting a tmpfs is not allowed here')
if (!strace) console.warn('SKIPPED: calls that the kernel refuses: strace is not there or not allowed here')
if (!linux) console.warn('SKIPPED: limits of the system: this is not Linux')

describe.skipIf(disk === undefined)('a disk that is full for real (faults 14 and 15)', () => {
  let root: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const small = await smallDisk(64 * 1024)
    if (small === undefined) throw new Error('the disk could be mounted a moment ago')
    root = small.path
    remove = small.remove
  })
  afterEach(() => remove())

  it('shows as a short write without an error, and as ENOSPC once nothing fits', async () => {
    const file = await nodeEnvironment.files.open(`${root}/file`, 'create')
    const bytes = Buffer.alloc(100_000, 'x')
    const written = await file.write(bytes, 0)
    expect(written).toBe(64 * 1024)
    await expect(writeAll(file, bytes, 0)).rejects.toMatchObject({ code: 'ENOSPC' })
    await file.close()
  })

  it('leaves the old file whole, and takes the new one once there is room', async () => {
    await replaceFile(nodeEnvironment, `${root}/MANIFEST`, Buffer.alloc(10_000, 'o'))
    await writeFile(`${root}/filler`, Buffer.alloc(40_000))
    const replacement = Buffer.alloc(30_000, 'n')
    await expect(replaceFile(nodeEnvironment, `${root}/MANIFEST`, replacement)).rejects.toMatchObject({
      code: 'NO_SPACE',
      outcome: 'not-written',
      cause: { code: 'ENOSPC' },
    })
    expect(await readFile(`${root}/MANIFEST`)).toEqual(Buffer.alloc(10_000, 'o'))
    expect((await nodeEnvironment.files.list(root)).sort()).toEqual(['MANIFEST', 'filler'])
    await nodeEnvironment.files.unlink(`${root}/filler`)
    await replaceFile(nodeEnvironment, `${root}/MANIFEST`, replacement)
    expect(await readFile(`${root}/MANIFEST`)).toEqual(replacement)
  })
})

describe('limits and refusals of the kernel (faults 13 and 16)', () => {
  interface Attempt {
    readonly code: string
    readonly outcome?: string
    readonly errno?: string
    readonly open: number
    readonly names: string[]
  }

  let root: string
  let path: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    path = `${root}/MANIFEST`
    remove = directory.remove
    await writeFile(path, 'old')
  })
  afterEach(() => remove())

  async function attemptsOf(
    command: string,
    parameters: readonly string[],
    text: string,
  ): Promise<Attempt[]> {
    const all = [...parameters, ...NODE, fixture('replace-twice'), path, text, root]
    const { stdout } = await run(command, all, ONE_THREAD)
    return JSON.parse(stdout) as Attempt[]
  }

  it.runIf(linux)('a limit on the size of a file is NO_SPACE, and the old file stays', async () => {
    const attempts = await attemptsOf('sh', ['-c', 'ulimit -f 4; exec "$@"', 'sh'], 'x'.repeat(100_000))
    const refused = { code: 'NO_SPACE', errno: 'EFBIG', outcome: 'not-written', open: 0, names: ['MANIFEST'] }
    expect(attempts).toEqual([refused, refused])
    expect(await readFile(path, 'utf8')).toBe('old')
  })

  it.runIf(linux)('a limit on open files leaks none, leaves no half-made file, and passes', async () => {
    const many = join(root, 'many')
    await nodeEnvironment.files.makeDirectory(many)
    // Once with an odd and once with an even number left, so that each of a file's two descriptors is refused once.
    for (const limit of [100, 101]) {
      const child = [
        '-c',
        `ulimit -n ${limit}; exec "$@"`,
        'sh',
        ...NODE,
        fixture('open-many'),
        join(many, `${limit}`),
      ]
      await nodeEnvironment.files.makeDirectory(join(many, `${limit}`))
      const { stdout } = await run('sh', child)
      const result = JSON.parse(stdout) as { opened: number }
      expect(result).toMatchObject({ errno: 'EMFILE', names: result.opened, left: 0 })
      expect(result.opened).toBeGreaterThan(10)
    }
  })

  const temporary = () => temporaryName(path, new SeededRandom(1))

  describe.skipIf(!strace)('a call that is refused once', () => {
    it.each([
      ['openat', 'EMFILE', 1, 'IO_ERROR', 'not-written'],
      ['openat', 'EMFILE', 2, 'IO_ERROR', 'not-written'],
      ['openat', 'EROFS', 1, 'IO_ERROR', 'not-written'],
      ['pwrite64', 'EIO', 1, 'IO_ERROR', 'not-written'],
      ['pwrite64', 'EDQUOT', 1, 'NO_SPACE', 'not-written'],
      ['pwrite64', 'EAGAIN', 1, 'IO_ERROR', 'not-written'],
      ['fdatasync', 'EIO', 1, 'IO_ERROR', 'not-written'],
      ['rename', 'EACCES', 1, 'IO_ERROR', 'unknown'],
      ['fsync', 'EIO', 1, 'IO_ERROR', 'unknown'],
    ] as const)(
      '%s with %s (number %i) is a typed error, leaks nothing, and passes',
      async (call, errno, nth, code, outcome) => {
        // Of the opens only those of the temporary file count; Node.js makes many of its own.
        const only = call === 'openat' ? ['-P', temporary()] : []
        const attempts = await attemptsOf(
          'strace',
          ['-f', '-qq', '-o', '/dev/null', ...only, '-e', `inject=${call}:error=${errno}:when=${nth}`],
          'new',
        )
        expect(attempts).toEqual([
          { code, outcome, errno, open: 0, names: ['MANIFEST'] },
          { code: 'ok', open: 0, names: ['MANIFEST'] },
        ])
        expect(await readFile(path, 'utf8')).toBe('new2')
      },
    )

    it('close with EIO is a typed error and removes the temporary file', async () => {
      const attempts = await attemptsOf(
        'strace',
        ['-f', '-qq', '-o', '/dev/null', '-P', temporary(), '-e', 'inject=close:error=EIO:when=1'],
        'new',
      )
      // One descriptor stays: the kernel was kept from closing it.
      expect(attempts[0]).toEqual({
        code: 'IO_ERROR',
        outcome: 'not-written',
        errno: 'EIO',
        open: 1,
        names: ['MANIFEST'],
      })
      expect(attempts[1]).toMatchObject({ code: 'ok' })
    })
  })

  it.skipIf(!strace).each([
    ['EPERM', 'LOCK_UNAVAILABLE'], // a file system without hard links
    ['ENOENT', 'LOCKED'], // whoever held the lock a moment ago has tidied up
  ])('a hard link refused with %s is %s to the pid file, and leaves nothing', async (errno, code) => {
    const lock = join(root, 'LOCK')
    const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=link,linkat:error=${errno}`]
    const { stdout } = await run('strace', [...inject, ...NODE, fixture('hold-lock'), 'pid-file', lock])
    expect(stdout).toBe(`${code}\n`)
    expect(await nodeEnvironment.files.list(root)).toEqual(['MANIFEST'])
  })

  it.skipIf(!strace)('a durable write is one write through O_DSYNC, and a sync is fdatasync', async () => {
    const file = join(root, 'file')
    const trace = join(root, 'trace')
    const filter = ['-P', file, '-e', 'trace=openat,pwrite64,fdatasync,fsync,close']
    await run(
      'strace',
      ['-f', '-qq', '-o', trace, ...filter, ...NODE, fixture('write-both-ways'), file],
      ONE_THREAD,
    )
    const calls = (await readFile(trace, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('('))
      .map((line) =>
        line
          .replace(/^\d+ +/, '')
          .replaceAll(file, 'file')
          .replace(/ +=/, ' ='),
      )
    const descriptors = calls.map((line) => / = (\d+)$/.exec(line)?.[1])
    const [plain, through] = descriptors
    expect(calls).toEqual([
      `openat(AT_FDCWD, "file", O_RDWR|O_CREAT|O_EXCL|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC, 0600) = ${plain}`,
      `openat(AT_FDCWD, "file", O_WRONLY|O_NONBLOCK|O_DSYNC|O_NOFOLLOW|O_CLOEXEC) = ${through}`,
      `pwrite64(${plain}, "plain", 5, 0) = 5`,
      `fdatasync(${plain}) = 0`,
      `pwrite64(${through}, "through", 7, 5) = 7`,
      ...[plain, through].map((descriptor) => `close(${descriptor}) = 0`),
    ])
  })
})
