import { HoldfastError } from '@holdfast/environment'
import type { LogPlan, SegmentReport } from '@holdfast/wal'
import { describe, expect, it } from 'vitest'
import { formatPlan } from './format-plan.ts'
import type { RecoveryPlan } from './recovery-plan.ts'
import { corrupt, planOf } from './stores.fixture.ts'

const segment: SegmentReport = {
  path: '/wal/1',
  id: 1,
  salt: 1,
  firstSeq: 1,
  lastSeq: 1000,
  digest: 1,
  bytes: 2048,
  countedBytes: 2048,
  neededFrom: 0,
  read: true,
}

function planWith({ log = {}, ...fields }: Partial<Omit<RecoveryPlan, 'log'>> & { log?: Partial<LogPlan> }) {
  return formatPlan({
    snapshot: undefined,
    setAside: [],
    lastSeq: 1234,
    replay: { firstSeq: 1, batches: 1100, records: 1234, bytes: 1536 },
    refusal: undefined,
    ...fields,
    log: {
      ...planOf(1, 0),
      lastSeq: 1234,
      provenSeq: 1233,
      provenBy: 'batch 1,234',
      ...log,
    },
  })
}

describe('formatPlan', () => {
  it('says what is replayed where there is no snapshot', () => {
    expect(planWith({})).toBe(`Opens with everything up to sequence 1,234.
Snapshot: none is used; the log is replayed from sequence 1.
Replay: 1,234 records in 1,100 batches from sequence 1 on, 1.5 KiB.
Log: sequences 1 to 1,234; durable at least to 1,233 (batch 1,234).`)
  })

  it('accounts for each snapshot, each segment and whatever is left', () => {
    const text = planWith({
      snapshot: {
        path: '/snapshots/2',
        name: '2',
        id: 2,
        seq: 1000,
        bytes: 512,
        time: 0,
        machineVersion: 3,
        digest: '',
      },
      setAside: [{ path: '/snapshots/3', id: 3, seq: 1100, entry: undefined, error: corrupt() }],
      replay: { firstSeq: 1001, batches: 0, records: 0, bytes: 0 },
      log: {
        segments: [
          { ...segment, read: false, bytes: 4096 },
          { ...segment, path: '/wal/2', firstSeq: 1001, lastSeq: 1001, bytes: 3072 },
          { ...segment, path: '/wal/3', firstSeq: 1002, lastSeq: 1001 },
        ],
        survivors: { firstSeq: 1001, lastSeq: 1234, bytes: 100 },
        tail: { path: '/wal/2', offset: 2048, bytes: 1024, reason: 'zeros' },
        ignored: [
          { path: '/wal/a', reason: 'foreign', remove: false },
          { path: '/wal/b', reason: 'temporary', remove: true },
        ],
      },
    })
    expect(text.split('\n').slice(1)).toEqual([
      'Snapshot: /snapshots/2, up to sequence 1,000, 512 bytes, machine version 3.',
      `  Set aside: /snapshots/3: ${corrupt().message}`,
      'Replay: nothing behind it in the log.',
      'Log: sequences 1 to 1,234; durable at least to 1,233 (batch 1,234).',
      '  /wal/1: 1 to 1,000, covered by the snapshot, not read.',
      '  /wal/2: 1,001 to 1,001, 2.0 KiB read, 1.0 KiB behind its last batch.',
      '  /wal/3: no sequence, 2.0 KiB read.',
      expect.stringMatching(/^Survivors: 1,001 to 1,234 are readable/),
      expect.stringMatching(/^Torn tail: 1\.0 KiB at \/wal\/2, offset 2048 \(zeros\)/),
      'Ignored: /wal/a: foreign.',
      'Ignored: /wal/b: temporary; opening removes it.',
    ])
  })

  it('says first that it must not be opened, and why', () => {
    const refusal = new HoldfastError('CORRUPT', 'made by a test')
    expect(planWith({ refusal }).split('\n').slice(0, 2)).toEqual([
      `Must not be opened: ${refusal.message}`,
      'What was found before that:',
    ])
  })

  it.each([
    [1023, '1023 bytes'],
    [1024, '1.0 KiB'],
    [1024 ** 2 - 1024, '1023.0 KiB'],
    [1024 ** 2, '1.0 MiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [5000 * 1024 ** 4, '5000.0 TiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(planWith({ replay: { firstSeq: 1, batches: 1, records: 1, bytes } })).toContain(` on, ${text}.`)
  })
})
