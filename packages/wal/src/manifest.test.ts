import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { beforeEach, describe, expect, it } from 'vitest'
import { closed, edit, putManifest, refusal, reframe } from './crashed-log.fixture.ts'
import { recovered, STORE } from './log-harness.fixture.ts'
import type { Manifest, ManifestSegment, ManifestSnapshot } from './manifest.ts'

const path = `${STORE}/MANIFEST`
const TOO_LARGE = 2 ** 53
/** Where the second of its frames begins. */
const BODY = 32

const corrupt = (offset: number, message: string): object => ({
  code: 'MANIFEST_CORRUPT',
  path,
  offset,
  message: expect.stringContaining(message) as unknown,
})

describe('the manifest', () => {
  let files: MemoryFileSystem
  let manifest: Manifest
  let segments: readonly ManifestSegment[]
  const snapshot: ManifestSnapshot = { id: 90, seq: 3, bytes: 100, digest: 'ab'.repeat(32) }

  beforeEach(async () => {
    ;({ files, manifest } = await closed())
    segments = manifest.segments
  })

  it('is what it was written as', async () => {
    putManifest(files, { ...manifest, nextId: 100, snapshots: [snapshot] })
    expect((await recovered(files)).records).toHaveLength(10)
  })

  describe('is refused, and nothing is changed, where its body', () => {
    const last = (change: object) => (): object => ({
      segments: [...segments.slice(0, -1), { ...segments.at(-1), ...change }],
    })
    const taken =
      (change: object): (() => object) =>
      () => ({ nextId: 100, snapshots: [{ ...snapshot, ...change }] })
    it.each<[string, () => object, string]>([
      ['has no store id', () => ({ storeId: undefined }), 'its store id'],
      ['has a short store id', () => ({ storeId: manifest.storeId.slice(1) }), 'its store id'],
      ['has a long store id', () => ({ storeId: `${manifest.storeId}0` }), 'its store id'],
      ['has a store id in capitals', () => ({ storeId: 'AB'.repeat(16) }), 'its store id'],
      ['has no epoch', () => ({ epoch: undefined }), 'one of its numbers'],
      ['has a broken epoch', () => ({ epoch: 1.5 }), 'one of its numbers'],
      ['has a large next id', () => ({ nextId: 10_000_000_001 }), 'one of its numbers'],
      ['has no next id', () => ({ nextId: undefined }), 'one of its numbers'],
      ['has a next id 0', () => ({ nextId: 0, segments: [] }), 'one of its numbers'],
      ['has trimmed less than nothing', () => ({ trimmedThrough: -1 }), 'one of its numbers'],
      ['has a large last time', () => ({ lastTime: TOO_LARGE }), 'its last time'],
      ['has no segments', () => ({ segments: {} }), 'its list of segments'],
      ['has a segment that is none', () => ({ segments: [null] }), 'its list of segments'],
      ['has a segment without an id', last({ id: undefined }), 'its list of segments'],
      ['has a segment with id 0', last({ id: 0 }), 'its list of segments'],
      ['has a segment with a large id', last({ id: 10_000_000_000 }), 'its list of segments'],
      ['has a segment without a salt', last({ salt: undefined }), 'its list of segments'],
      ['has a segment with a large beginning', last({ firstSeq: TOO_LARGE }), 'its list of segments'],
      ['has a segment with a large end', last({ lastSeq: TOO_LARGE }), 'its list of segments'],
      ['has a segment with a broken digest', last({ digest: 0.5 }), 'its list of segments'],
      ['has a segment with less than no bytes', last({ bytes: -1 }), 'its list of segments'],
      ['has a segment with a footer nowhere', last({ footerOffset: '9' }), 'its list of segments'],
      ['has a segment with an end and no digest', last({ digest: undefined }), 'its list of segments'],
      ['has a segment with a digest and no end', last({ lastSeq: undefined }), 'its list of segments'],
      ['has no snapshots', () => ({ snapshots: 'none' }), 'its list of snapshots'],
      ['has a snapshot that is none', () => ({ snapshots: [[]] }), 'its list of snapshots'],
      ['has a snapshot with id 0', taken({ id: 0 }), 'its list of snapshots'],
      ['has a snapshot without a sequence', taken({ seq: undefined }), 'its list of snapshots'],
      ['has a snapshot without a size', taken({ bytes: undefined }), 'its list of snapshots'],
      ['has a snapshot without a digest', taken({ digest: undefined }), 'its list of snapshots'],
      ['has a snapshot with a short digest', taken({ digest: 'ab'.repeat(31) }), 'its list of snapshots'],
      ['has a snapshot with a long digest', taken({ digest: 'ab'.repeat(33) }), 'its list of snapshots'],
      ['has a clean close that is none', () => ({ clean: true }), 'its clean-close mark'],
      ['has a clean close at no sequence', () => ({ clean: { epoch: 1 } }), 'its clean-close mark'],
      ['has a clean close in no epoch', () => ({ clean: { durableSeq: 10 } }), 'its clean-close mark'],
      ['names an id twice', () => ({ segments: [...segments, segments[0]] }), 'an id twice'],
      ['gives a snapshot the id of a segment', taken({ id: 1 }), 'an id twice'],
      ['names an id of the future', taken({ id: 100 }), 'an id that was not given yet'],
    ])('%s', async (_, change, message) => {
      putManifest(files, { ...manifest, ...change() })
      expect(await refusal(files)).toMatchObject(corrupt(BODY, message))
    })

    it.each([
      ['is not JSON', '{', 'its body is not JSON'],
      ['is a list', '[]', 'its body is not an object'],
      ['is nothing', 'null', 'its body is not an object'],
      ['is a text', '"manifest"', 'its body is not an object'],
    ])('%s', async (_, body, message) => {
      edit(files, path, (bytes) =>
        Buffer.concat([
          bytes.subarray(0, BODY),
          encodeFrame({ kind: 2, payload: Buffer.from(body) }, bytes.readUInt32LE(28)),
        ]),
      )
      expect(await refusal(files)).toMatchObject(corrupt(BODY, message))
    })
  })

  it.each<[string, (payload: Buffer) => Buffer | void, string]>([
    ['another magic', (payload) => payload.fill(0x20, 0, 8), 'it is not a manifest'],
    ['no room for one', (payload) => payload.subarray(0, 9), 'it is not a manifest'],
    ['format 0', (payload) => void payload.writeUInt16LE(0, 8), 'its header has fields'],
    ['a reserved field', (payload) => void payload.writeUInt16LE(1, 10), 'its header has fields'],
    ['a salt cut short', (payload) => payload.subarray(0, 15), 'its header has fields'],
  ])('is refused, and nothing is changed, where its header has %s', async (_, change, message) => {
    edit(files, path, (bytes) => reframe(bytes, 0, FORMAT_SEED, change))
    expect(await refusal(files)).toMatchObject(corrupt(0, message))
  })

  it('is refused, and nothing is changed, where its frames are others', async () => {
    const whole = files.snapshot().get(path) as Buffer
    const [header, body] = [whole.subarray(0, BODY), whole.subarray(BODY)]
    const salt = header.readUInt32LE(28)
    const asKind = (kind: number, frame: Buffer, seed: number): Buffer =>
      encodeFrame({ kind, payload: frame.subarray(16, 16 + frame.readUInt32LE(4)) }, seed)
    const cases: [Buffer[], object][] = [
      [[], corrupt(0, 'it ends early')],
      [[header], corrupt(BODY, 'it ends early')],
      [[header, body.subarray(8)], corrupt(BODY, 'its frame is damaged: header-checksum')],
      [[asKind(2, header, FORMAT_SEED), body], corrupt(0, 'a frame of kind 2 where 1 belongs')],
      [[header, asKind(1, body, salt)], corrupt(BODY, 'a frame of kind 1 where 2 belongs')],
      [[header, body, body], corrupt(whole.length, 'something follows its body')],
      [[header, body, Buffer.alloc(8)], corrupt(whole.length, 'something follows its body')],
    ]
    for (const [frames, expected] of cases) {
      const copy = MemoryFileSystem.of(files.snapshot())
      copy.put(path, Buffer.concat(frames))
      expect(await refusal(copy)).toMatchObject(expected)
    }
  })
})
