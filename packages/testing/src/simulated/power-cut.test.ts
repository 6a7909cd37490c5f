import type { File } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import type { SimulatedDisk } from './disk.ts'
import { SimulatedEnvironment } from './simulated-environment.ts'
import { survivalNamed } from './survival.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

/** What stands at each path after a power cut: the text, with zeros left out and counted. */
async function after(disk: SimulatedDisk, survival: string): Promise<Record<string, string>> {
  const { files } = new SimulatedEnvironment({ disk: disk.afterPowerCut(survivalNamed(survival)) })
  const found: Record<string, string> = {}
  for (const path of files.disk.paths()) {
    const file = await files.open(path, 'read')
    const into = Buffer.alloc(await file.size())
    await file.read(into, 0)
    found[path] = into.toString('latin1').replaceAll(/\0+/g, (zeros) => `<${zeros.length}>`)
  }
  return found
}

/** Everything that many random survivals leave. */
async function outcomes(disk: SimulatedDisk, path: string, seeds = 300): Promise<Set<string | undefined>> {
  const seen = new Set<string | undefined>()
  for (let seed = 0; seed < seeds; seed += 1) seen.add((await after(disk, `random-${seed}`))[path])
  return seen
}

async function durableFile(environment: SimulatedEnvironment, path: string, text: string): Promise<File> {
  const file = await environment.files.open(path, 'create')
  await file.write(bytes(text), 0)
  await file.sync()
  await environment.files.syncDirectory('/')
  return file
}

describe('a power cut', () => {
  it('takes what was not synced, or leaves it', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'old')
    await file.write(bytes('new, and longer'), 0)
    expect(await after(environment.disk, 'nothing')).toEqual({ '/file': 'old' })
    expect(await after(environment.disk, 'everything')).toEqual({ '/file': 'new, and longer' })
    // The size of before with the bytes of after, or the other way round.
    expect(await outcomes(environment.disk, '/file')).toEqual(
      new Set(['old', 'new', 'new, and longer', 'old<12>']),
    )
    await file.sync()
    expect(await outcomes(environment.disk, '/file', 20)).toEqual(new Set(['new, and longer']))
  })

  it('takes a name that was not synced, with a file that was', async () => {
    const environment = new SimulatedEnvironment()
    const file = await environment.files.open('/file', 'create')
    await file.write(bytes('abc'), 0)
    await file.sync()
    expect(await after(environment.disk, 'nothing')).toEqual({})
    expect(await after(environment.disk, 'names')).toEqual({ '/file': 'abc' })
  })

  it('leaves a file that has grown and holds zeros, or stale bytes', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', '')
    await file.write(bytes('abc'), 0)
    expect(await after(environment.disk, 'sizes')).toEqual({ '/file': '<3>' })
    const seen = await outcomes(environment.disk, '/file')
    expect([...seen].filter((text) => text !== '' && text !== 'abc' && text !== '<3>')).not.toEqual([])
  })

  it('decides of each sector by itself', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'a'.repeat(1024))
    await file.write(bytes('b'.repeat(1024)), 0)
    const [a, b] = ['a'.repeat(512), 'b'.repeat(512)]
    expect(await outcomes(environment.disk, '/file')).toEqual(new Set([a + a, a + b, b + a, b + b]))
  })

  it('leaves any of the writes to one sector', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', '0')
    for (const text of ['1', '2', '3']) await file.write(bytes(text), 0)
    expect(await outcomes(environment.disk, '/file')).toEqual(new Set(['0', '1', '2', '3']))
    expect(await after(environment.disk, 'oldest')).toEqual({ '/file': '1' })
    expect(await after(environment.disk, 'newest')).toEqual({ '/file': '3' })
  })

  it('leaves what was written through, with the size that reaches it, and nothing else', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'aaaa')
    await file.write(bytes('bb'), 0)
    await file.writeThrough(bytes('cc'), 4)
    expect(await after(environment.disk, 'nothing')).toEqual({ '/file': 'aaaacc' })
    expect(await after(environment.disk, 'everything')).toEqual({ '/file': 'bbaacc' })
    expect(await outcomes(environment.disk, '/file')).toEqual(new Set(['aaaacc', 'bbaacc']))
  })

  it('leaves a rename as a whole or not at all', async () => {
    const environment = new SimulatedEnvironment()
    await durableFile(environment, '/to', 'old')
    await durableFile(environment, '/from', 'new')
    await environment.files.rename('/from', '/to')
    expect(await after(environment.disk, 'nothing')).toEqual({ '/from': 'new', '/to': 'old' })
    expect(await after(environment.disk, 'everything')).toEqual({ '/to': 'new' })
    expect(await outcomes(environment.disk, '/to')).toEqual(new Set(['old', 'new']))
  })

  it('leaves a later change of names without an earlier one', async () => {
    const environment = new SimulatedEnvironment()
    await durableFile(environment, '/old', 'old')
    const file = await environment.files.open('/new.tmp', 'create')
    await file.write(bytes('new'), 0)
    await file.sync()
    await environment.files.rename('/new.tmp', '/new')
    await environment.files.unlink('/old')
    expect(await after(environment.disk, 'newest')).toEqual({})
    expect(await after(environment.disk, 'oldest')).toEqual({ '/new.tmp': 'new', '/old': 'old' })
    await environment.files.syncDirectory('/')
    expect(await after(environment.disk, 'nothing')).toEqual({ '/new': 'new' })
  })

  it('takes a directory that was not synced with everything that is in it', async () => {
    const environment = new SimulatedEnvironment()
    const { files } = environment
    await files.makeDirectory('/directory')
    const file = await files.open('/directory/file', 'create')
    await file.sync()
    await files.syncDirectory('/directory')
    expect(await after(environment.disk, 'nothing')).toEqual({})
    await files.syncDirectory('/')
    expect(await after(environment.disk, 'nothing')).toEqual({ '/directory/file': '' })
  })

  it('takes what a failed sync did not write, though a later one succeeded', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'old')
    await file.write(bytes('new'), 0)
    environment.files.fail({ on: 'sync', fault: { errno: 'EIO' } })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    await file.sync()
    const into = Buffer.alloc(3)
    await file.read(into, 0)
    expect(into.toString()).toBe('new')
    expect(await outcomes(environment.disk, '/file')).toEqual(new Set(['old', 'new']))
    // Written again it is dirty again, and the next sync has it.
    await file.write(bytes('new'), 0)
    await file.sync()
    expect(await after(environment.disk, 'nothing')).toEqual({ '/file': 'new' })
  })

  it('takes what was written while a sync was under way', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 20; seed += 1) {
      const environment = new SimulatedEnvironment({ seed })
      const file = await durableFile(environment, '/file', '0')
      await file.write(bytes('1'), 0)
      await Promise.all([file.sync(), file.write(bytes('2'), 0)])
      seen.add(Object.values(await after(environment.disk, 'nothing')).join(''))
      expect(await after(environment.disk, 'everything')).toEqual({ '/file': '2' })
      await file.sync()
      expect(await after(environment.disk, 'nothing')).toEqual({ '/file': '2' })
    }
    // The write came before the sync began, or behind that.
    expect(seen).toEqual(new Set(['1', '2']))
  })

  it('leaves a file that shows what is on the disk once the cache has dropped what a failed sync left there', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'old')
    await file.write(bytes('new'), 0)
    environment.files.fail({ on: 'sync', fault: { errno: 'EIO' } })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    const disk = environment.kill()
    expect(disk.hasLost).toBe(true)
    expect(disk.contentOf('/file').toString()).toBe('new')
    disk.evictLost(survivalNamed('nothing'))
    expect(disk.contentOf('/file').toString()).toBe('old')
    expect(disk.hasLost).toBe(false)
  })

  it('takes names that a failed sync of their directory left as clean, on a disk that does so', async () => {
    for (const losesNames of [false, true]) {
      const environment = new SimulatedEnvironment({ losesNames })
      const { files } = environment
      await files.open('/file', 'create')
      files.fail({ on: 'syncDirectory', fault: { errno: 'EIO' } })
      await expect(files.syncDirectory('/')).rejects.toMatchObject({ code: 'EIO' })
      await files.syncDirectory('/')
      expect(await after(environment.disk, 'nothing')).toEqual(losesNames ? {} : { '/file': '' })
      // Any change makes all of the directory dirty again.
      await files.open('/other', 'create')
      await files.syncDirectory('/')
      expect(await after(environment.disk, 'nothing')).toEqual({ '/file': '', '/other': '' })
    }
  })

  it('leaves the effects that are named one by one', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'a'.repeat(1024))
    await file.write(bytes('b'.repeat(1024)), 0)
    const [a, b] = ['a'.repeat(512), 'b'.repeat(512)]
    expect(await after(environment.disk, 'effects-01')).toEqual({ '/file': a + b })
    expect(await after(environment.disk, 'effects-10')).toEqual({ '/file': b + a })
  })

  it('takes what a failed write-through left in the cache only', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'old')
    environment.files.fail({ on: 'writeThrough', fault: { errno: 'EIO' } })
    await expect(file.writeThrough(bytes('new'), 0)).rejects.toMatchObject({ code: 'EIO' })
    await file.sync()
    expect(await outcomes(environment.disk, '/file')).toEqual(new Set(['old', 'new']))
  })

  it('leaves bytes that were cut off, or zeros in their place, where the file grows again', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'a'.repeat(1024))
    await file.truncate(512)
    await file.truncate(1024)
    expect(await outcomes(environment.disk, '/file')).toEqual(
      new Set(['a'.repeat(1024), 'a'.repeat(512), `${'a'.repeat(512)}<512>`]),
    )
  })
})

describe('a kill', () => {
  it('leaves everything that was written, and nothing more durable than it was', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'old')
    await file.write(bytes('new'), 0)
    const disk = environment.disk.fork()
    const again = new SimulatedEnvironment({ disk })
    const into = Buffer.alloc(3)
    await (await again.files.open('/file', 'read')).read(into, 0)
    expect(into.toString()).toBe('new')
    expect(await after(disk, 'nothing')).toEqual({ '/file': 'old' })
  })

  it('leaves a disk that goes its own way', async () => {
    const environment = new SimulatedEnvironment()
    const file = await durableFile(environment, '/file', 'one')
    const disk = environment.disk.fork()
    await file.write(bytes('two'), 0)
    await environment.files.unlink('/file')
    expect(await after(disk, 'everything')).toEqual({ '/file': 'one' })
  })
})
