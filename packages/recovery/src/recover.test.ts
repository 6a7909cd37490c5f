import { GapError, HoldfastError, nodeEnvironment } from '@holdfast/environment'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { recover, type RecoverOptions } from './recover.ts'
import type { RecoveryProgress } from './recovery-plan.ts'
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
        { seq: 6, id: 3, state: 'half', reading: corrupt() },
        { seq: 2, id: 1, state: 'good' },
        { seq: 6, id: 5, opening: corrupt('NOT_A_FILE') },
        { seq: 6, id: 4, opening: corrupt('FOREIGN_FILE') },
      ],
      fakeLog([2, 4]),
    )
    const { setAside, snapshot } = await recovered
    expect(snapshot?.id).toBe(1)
    expect(setAside.map(({ id, error }) => [id, error.code])).toEqual([
      [5, 'NOT_A_FILE'],
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
    const { recovered } = run(
      [
        { seq: 4, id: 2, state: 'swapped' },
        { seq: 3, id: 1, state: 'moved' },
      ],
      log,
      {
        named: [
          { id: 3, seq: 5, digest: digestOf('gone') },
          { id: 2, seq: 4, digest: digestOf('right') },
          { id: 1, seq: 2, digest: digestOf('moved') },
        ],
      },
    )
    const { setAside, snapshot } = await recovered
    expect(snapshot).toBeUndefined()
    expect(setAside).toMatchObject([
      { id: 3, entry: undefined, error: { code: 'SNAPSHOT_CORRUPT', seq: 5 } },
      { id: 2, entry: { id: 2 }, error: { code: 'SNAPSHOT_CORRUPT', path: '/snapshots/snapshot-2' } },
      { id: 1, entry: { id: 1 }, error: { code: 'SNAPSHOT_CORRUPT' } },
    ])
    expect(log.scans[0]?.evidence?.map(({ seq }) => seq)).toEqual([5, 4, 2, 4, 3])
  })

  it('takes the snapshot that the manifest names, whatever it says of others', async () => {
    const named = [
      { id: 1, seq: 1, digest: digestOf('another') },
      { id: 2, seq: 2, digest: digestOf('right') },
    ]
    const snapshots = [
      { seq: 1, id: 1, state: 'another' },
      { seq: 2, id: 2, state: 'right' },
    ]
    await expect(run(snapshots, fakeLog([2]), { named }).recovered).resolves.toMatchObject({
      snapshot: { id: 2 },
      setAside: [],
    })
  })

  it('sets aside what the disk cannot read, and nothing for want of anything else', async () => {
    const ioError = (code: string): HoldfastError =>
      new HoldfastError('IO_ERROR', 'made by a test', { cause: Object.assign(new Error(code), { code }) })
    for (const code of ['EIO', 'ENOENT']) {
      await expect(
        run([{ seq: 1, id: 1, reading: ioError(code) }], fakeLog([1])).recovered,
      ).resolves.toMatchObject({ setAside: [{ id: 1 }] })
    }
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
    target.restore = () =>
      Promise.reject(Object.assign(new Error('a bug in restore'), { code: 'SNAPSHOT_CORRUPT' }))
    await expect(run([{ seq: 1, id: 1 }], fakeLog([1]), { target }).recovered).rejects.toThrow(
      'a bug in restore',
    )
    const lazy = new RecordingTarget()
    lazy.restore = async () => {}
    await expect(run([{ seq: 1, id: 1 }], fakeLog([1]), { target: lazy }).recovered).rejects.toThrow(
      errorLike('INVALID_ARGUMENT', { path: '/snapshots/snapshot-1' }),
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
      errorLike('SNAPSHOT_CORRUPT', {
        cause,
        path: '/snapshots/snapshot-1',
        seq: 1,
        details: { firstSeq: 5, setAside: [{ path: '/snapshots/snapshot-1', reason: cause.message }] },
      }),
    )
    await expect(run([], gap).recovered).rejects.toThrow(GapError)
  })

  it('says that it was the disk where one of them could not be read: the next time it may be', async () => {
    const gap = fakeLog([2], { firstSeq: 5, refusal: new GapError(1, 5) })
    const unread = (errno: string): HoldfastError =>
      new HoldfastError('IO_ERROR', 'not read', { cause: Object.assign(new Error(errno), { code: errno }) })
    const snapshots = (errno: string) => [
      { seq: 4, id: 2, opening: corrupt() },
      { seq: 3, id: 1, opening: unread(errno) },
    ]
    await expect(run(snapshots('EIO'), gap).recovered).rejects.toThrow(
      errorLike('IO_ERROR', { path: '/snapshots/snapshot-1' }),
    )
    await expect(run(snapshots('ENOENT'), gap).recovered).rejects.toThrow(errorLike('SNAPSHOT_CORRUPT'))
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

  it('can be aborted between two snapshots, and inside the log', async () => {
    const reason = new Error('enough')
    const { recovered } = run([{ seq: 1, id: 1 }], fakeLog([1]), { signal: AbortSignal.abort(reason) })
    await expect(recovered).rejects.toThrow(errorLike('ABORTED', { cause: reason }))
    const log = fakeLog([1])
    const { signal } = new AbortController()
    await run([], log, { signal }).recovered
    expect(log.scans[0]?.signal).toBe(signal)
  })

  it('says how far it has come: after the snapshot, for each MiB of the log, and at the end', async () => {
    const told: RecoveryProgress[] = []
    const log = fakeLog([2, 1024, 1023, 1, 5], { recordBytes: 1024 })
    await run([{ seq: 2, id: 1 }], log, { onProgress: (progress) => told.push(progress) }).recovered
    expect(told).toEqual([
      { phase: 'snapshot', seq: 2, ofSeq: 2, records: 0, bytes: 10 },
      { phase: 'log', seq: 1026, ofSeq: 1026, records: 1024, bytes: 10 + 1024 * 1024 },
      { phase: 'log', seq: 2050, ofSeq: 2050, records: 2048, bytes: 10 + 2048 * 1024 },
      { phase: 'log', seq: 2055, ofSeq: 2055, records: 2053, bytes: 10 + 2053 * 1024 },
    ])
    told.length = 0
    await run([], fakeLog([1]), { onProgress: (progress) => told.push(progress) }).recovered
    expect(told).toEqual([{ phase: 'log', seq: 1, ofSeq: 1, records: 1, bytes: 1000 }])
  })

  it('is timed, refused or not', async () => {
    const messages: unknown[] = []
    const listener = (message: unknown): void => void messages.push(message)
    subscribe('holdfast:recovery', listener)
    try {
      await run([{ seq: 1, id: 1 }], fakeLog([1, 2])).recovered
      const refusal = new HoldfastError('CORRUPT', 'made by a test')
      await expect(run([], fakeLog([1], { refusal })).recovered).rejects.toThrow(refusal)
    } finally {
      unsubscribe('holdfast:recovery', listener)
    }
    const ms = expect.any(Number) as number
    expect(messages).toEqual([
      { ms, seq: 3, snapshotSeq: 1, records: 2, bytes: 2000, refused: undefined },
      { ms, seq: 1, snapshotSeq: undefined, records: 1, bytes: 1000, refused: 'CORRUPT' },
    ])
  })
})
