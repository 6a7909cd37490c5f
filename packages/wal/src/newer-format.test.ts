import { crc32 } from 'node:zlib'
import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, crashed, edit, refusal, reframe, saltOf } from './crashed-log.fixture.ts'
import { recovered, STORE } from './log-harness.fixture.ts'

/** A frame that a version of this code still to come may write. */
const frames: Record<string, (salt: number) => Buffer> = {
  version: (salt) => ofVersion2(encodeFrame({ kind: 2, payload: Buffer.from('?') }, salt), salt),
  kind: (salt) => encodeFrame({ kind: 9, payload: Buffer.from('?') }, salt),
  flag: (salt) => encodeFrame({ kind: 2, flags: 1, payload: Buffer.from('?') }, salt),
}

function ofVersion2(frame: Buffer, seed: number): Buffer {
  frame.writeUInt8(2, 0)
  frame.writeUInt32LE(crc32(frame.subarray(0, 12), seed), 12)
  return frame
}

const setFormat2 = (payload: Buffer): void => void payload.writeUInt16LE(2, 8)

describe('a newer format is refused, and nothing is changed', () => {
  it('of the manifest: its format, and the version of either frame', async () => {
    const path = `${STORE}/MANIFEST`
    const changes: Record<string, (bytes: Buffer) => void> = {
      format: (bytes) => reframe(bytes, 0, FORMAT_SEED, setFormat2),
      'first frame': (bytes) => void ofVersion2(bytes, FORMAT_SEED),
      'second frame': (bytes) => void ofVersion2(bytes.subarray(32), bytes.readUInt32LE(28)),
    }
    for (const [name, change] of Object.entries(changes)) {
      const { files } = await crashed(1)
      edit(files, path, change)
      expect(await refusal(files), `${name}`).toMatchObject({ code: 'UNSUPPORTED_FORMAT', path })
    }
  })

  it('of a segment: its format, and the version of its header', async () => {
    for (const change of [
      (bytes: Buffer) => reframe(bytes, 0, FORMAT_SEED, setFormat2),
      (bytes: Buffer) => void ofVersion2(bytes, FORMAT_SEED),
    ]) {
      const { files, path } = await crashed(1)
      edit(files, path, change)
      expect(await refusal(files)).toMatchObject({
        code: 'UNSUPPORTED_FORMAT',
        path,
        details: { version: 2, known: 1 },
      })
    }
  })

  it.each(Object.entries(frames))('of a frame at the end of the log, by its %s', async (_, frame) => {
    const { files, path, ends } = await crashed()
    edit(files, path, (bytes) => void frame(saltOf(bytes)).copy(bytes, ends[4]))
    expect(await refusal(files)).toMatchObject({ code: 'UNSUPPORTED_FORMAT', path })
  })

  it.each(Object.entries(frames))('of a frame in the middle of the log, by its %s', async (_, frame) => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    edit(files, path, (bytes) => void frame(saltOf(bytes)).copy(bytes, 512))
    expect(await refusal(files)).toMatchObject({ code: 'UNSUPPORTED_FORMAT', path })
  })

  it('but for a kind of frame that says of itself that it may be stepped over', async () => {
    const { files, path, ends } = await crashed()
    const skippable = MemoryFileSystem.of(files.snapshot())
    edit(
      skippable,
      path,
      (bytes) =>
        void encodeFrame({ kind: 0x81, payload: Buffer.from('later') }, saltOf(bytes)).copy(bytes, ends[4]),
    )
    const { records, plan } = await recovered(skippable)
    expect(records).toHaveLength(5)
    expect(plan.tail).toBeUndefined()
  })
})
