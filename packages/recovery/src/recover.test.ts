import { GapError, HoldfastError, nodeEnvironment } from '@holdfast/environment'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { recover, type RecoverOptions } from './recover.ts'
import {
  corrupt,
  digestOf,
  fakeLog,
  fakeSnapshots,
  type FakeSnapshot,
  RecordingTarget,
} from './stores.fixture.ts'
import { WriteQueue } from './write-queue.ts'

function run(
  snapshots: readonly FakeSnapshot[],
  log: ReturnType<typeof fakeLog>,
  options: Partial<RecoverOptions> = {},
) {
  const target = new RecordingTarget()
  const store = fakeSnapshots(snapshots)
  const recovered = recover({
    snapshots: store,
    log,
    target,
    queue: new WriteQueue(),
    clock: nodeEnvironment.clock,
    ...options,
  })
  return { recovered, target, store }
}

const errorLike = (code: string, fields: object = {}): Error =>
  expect.objectContaining({ code, ...fields }) as Error

describe('recover', () => {
  it('takes the newest snapshot, then what the log holds behind it', async () => {
    const log = fakeLog([2, 2, 2])
    const { recovered, target, store } = run(
      [
        { seq: 2, id: 1, state: 'a' },
        { seq: 4, id: 2, state: 'b', time: 77 },
      ],
      log,
    )
    await expect(recovered).resolves.toMatchObject({
      snapshot: { seq: 4, id: 2, time: 77, digest: digestOf('b') },
      setAside: [],
      lastSeq: 6,
      replay: { firstSeq: 5, batches: 1, records: 2, bytes: 2000 },
      log: { lastTime: 77 },
    })
    expect(target.events).toEqual(['restored b', 'batch 5-6', 'mark 6', 'finished'])
    expect(log.scans).toMatchObject([{ after: 4, evidence: [{ seq: 4 }] }])
    expect(store.closed).toEqual([2])
  })

  it('without a snapshot takes the log from sequence 1', async () => {
    const { recovered, target } = run([], fakeLog([1, 1]))
    await expect(recovered).resolves.toMatchObject({
      snapshot: undefined,
      lastSeq: 2,
      replay: { firstSeq: 1, records: 2 },
    })
    expect(target.events).toEqual(['batch 1-1', 'batch 2-2', 'mark 2', 'finished'])
  })

  it('counts only the records behind a snapshot that ends inside a batch', async () => {
    await expect(run([{ seq: 3, id: 1 }], fakeLog([2, 4])).recovered).resolves.toMatchObject({
      replay: { records: 3 },
    })
  })

  it('sets aside what fails a check, with the reason, and forgets what was built of it', async () => {
    const { recovered, target, store } = run(
      [
        { seq: 6, id: 4, opening: corrupt('FOREIGN_FILE') },
        { seq: 6, id: 3, state: 'half', reading: corrupt() },
        { seq: 2, id: 1, state: 'good' },
      ],
      fakeLog([2, 4]),
    )
    const { setAside, snapshot } = await recovered
    expect(snapshot?.id).toBe(1)
    expect(setAside.map(({ id, error }) => [id, error.code])).toEqual([
      [4, 'FOREIGN_FILE'],
      [3, 'SNAPSHOT_CORRUPT'],
    ])
    expect(target.events).toEqual([
      'restored half',
      'reset',
      'restored good',
      'batch 3-6',
      'mark 6',
      'finished',
    ])
    expect(store.closed).toEqual([3, 1])
  })

  it('sets aside what the manifest names and is not there, or is another one; both are evidence all the same', async () => {
    const log = fakeLog([6])
    const { recovered } = run([{ seq: 4, id: 2, state: 'swapped' }], log, {
      named: [
        { id: 3, seq: 5, digest: digestOf('gone') },
        { id: 2, seq: 4, digest: digestOf('right') },
      ],
    })
    const { setAside, snapshot } = await recovered
    expect(snapshot).toBeUndefined()
    expect(setAside).toMatchObject([
      { id: 3, entry: undefined, error: { code: 'SNAPSHOT_CORRUPT' } },
      { id: 2, entry: { id: 2 }, error: { code: 'SNAPSHOT_CORRUPT' } },
    ])
    expect(log.scans[0]?.evidence?.map(({ seq }) => seq)).toEqual([5, 4, 4])
  })

  it('sets aside what the disk cannot read, and nothing for want of anything else', async () => {
    const ioError = (code: string): HoldfastError =>
      new HoldfastError('IO_ERROR', 'made by a test', { cause: Object.assign(new Error(code), { code }) })
    await expect(
      run([{ seq: 1, id: 1, reading: ioError('EIO') }], fakeLog([1])).recovered,
    ).resolves.toMatchObject({ setAside: [{ id: 1 }] })
    const { recovered, target } = run([{ seq: 1, id: 1, reading: ioError('EMFILE') }], fakeLog([1]))
    await expect(recovered).rejects.toThrow(errorLike('IO_ERROR'))
    expect(target.events.at(-1)).toBe('reset')
  })

  it('refuses a newer format rather than looking for an older snapshot', async () => {
    const { recovered } = run(
      [
        { seq: 2, id: 2, opening: corrupt('UNSUPPORTED_FORMAT') },
        { seq: 1, id: 1 },
      ],
      fakeLog([2]),
    )
    await expect(recovered).rejects.toThrow(errorLike('UNSUPPORTED_FORMAT'))
  })

  it('passes on what the target throws over a sound snapshot', async () => {
    const target = new RecordingTarget()
    target.restore = () => Promise.reject(new Error('a bug in restore'))
    await expect(run([{ seq: 1, id: 1 }], fakeLog([1]), { target }).recovered).rejects.toThrow(
      'a bug in restore',
    )
    const lazy = new RecordingTarget()
    lazy.restore = async () => {}
    await expect(run([{ seq: 1, id: 1 }], fakeLog([1]), { target: lazy }).recovered).rejects.toThrow(
      /did not read the snapshot to its end/,
    )
  })

  it('throws what the log refuses with, and finishes nothing', async () => {
    const { recovered, target } = run(
      [],
      fakeLog([1], { refusal: new HoldfastError('CORRUPT', 'made by a test') }),
    )
    await expect(recovered).rejects.toThrow(errorLike('CORRUPT'))
    expect(target.events).not.toContain('finished')
  })

  it('says which snapshots were set aside where the log does not go back far enough without them', async () => {
    const gap = fakeLog([2], { firstSeq: 5, refusal: new GapError(1, 5) })
    const cause = corrupt()
    await expect(run([{ seq: 4, id: 1, opening: cause }], gap).recovered).rejects.toThrow(
      errorLike('SNAPSHOT_CORRUPT', { cause, details: expect.objectContaining({ firstSeq: 5 }) as unknown }),
    )
    await expect(run([], gap).recovered).rejects.toThrow(GapError)
  })

  it('uses only snapshots that may be used, and stops once the target has enough', async () => {
    const target = new RecordingTarget()
    const apply = target.apply.bind(target)
    target.apply = (item) => {
      apply(item)
      target.satisfied = true
    }
    const log = fakeLog([1, 1, 1, 1])
    const snapshots = [
      { seq: 3, id: 2 },
      { seq: 1, id: 1, state: 'old' },
    ]
    const plan = await run(snapshots, log, { target, usable: ({ seq }) => seq <= 2 }).recovered
    expect(plan).toMatchObject({ snapshot: { seq: 1 }, setAside: [], lastSeq: 2 })
    expect(target.events).toEqual(['restored old', 'batch 2-2', 'finished'])
    expect(log.ended()).toBe(false)
  })

  it('runs in the line of the queue', async () => {
    const queue = new WriteQueue()
    let release: (value?: unknown) => void = () => {}
    const blocked = queue.run(
      () =>
        new Promise((resolve) => {
          release = resolve
        }),
    )
    const { recovered, target } = run([{ seq: 1, id: 1, state: 'a' }], fakeLog([1]), { queue })
    await setImmediate()
    expect(target.events).toEqual([])
    release()
    await Promise.all([blocked, recovered])
    expect(target.events[0]).toBe('restored a')
  })

  it('can be aborted between two snapshots', async () => {
    const { recovered } = run([{ seq: 1, id: 1 }], fakeLog([1]), { signal: AbortSignal.abort() })
    await expect(recovered).rejects.toThrow(errorLike('ABORTED'))
  })
})
