import { createHash } from 'node:crypto'
import { messagePackCodec } from '@holdfast/codec'
import { encodeFrame, FRAME_HEADER_BYTES, frameBytes } from '@holdfast/framing'
import { expect, it } from 'vitest'
import { faultError } from './chunk-reader.ts'
import { zstd } from './compression.ts'
import { FOOTER_BYTES } from './footer.ts'
import { type Forged, forgeChunk, forgedHeader, forgeSnapshot, valuesOp } from './forge.fixture.ts'
import { FLAG_ZSTD, KIND } from './format.ts'
import { codeOf, openBytes, readBytes } from './snapshots.fixture.ts'

/*
 * Files of which everything is right, the digest and the counts too, but for one thing.
 */

const encoder = messagePackCodec.encoder()
encoder.add('sound')
const encoded = Buffer.alloc(encoder.bytes)
encoder.copyTo(encoded, 0)
const one = forgeChunk(1, valuesOp(1), encoded)

async function codes({ bytes, name }: Forged): Promise<unknown[]> {
  return [
    await codeOf(readBytes(bytes, name)),
    await codeOf(openBytes(bytes, name).then((reader) => reader.verify())),
  ]
}
const corrupt = ['SNAPSHOT_CORRUPT', 'SNAPSHOT_CORRUPT']

/** What the footer says of these chunks. */
function sumOf(...chunks: Buffer[]) {
  const digest = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
  return { entries: chunks.length, chunks: chunks.length, payloadBytes: Buffer.concat(chunks).length, digest }
}

it('takes no header for a chunk', async () => {
  const footer = sumOf(one, one)
  expect(await codes(forgeSnapshot([{ payload: one }, { payload: one }], { footer }))).toEqual([
    undefined,
    undefined,
  ])
  expect(
    await codes(forgeSnapshot([{ payload: one }, { kind: KIND.header, payload: one }], { footer })),
  ).toEqual(corrupt)
})

it.skipIf(zstd === undefined)(
  'takes no compressed chunk where the header says that there is none',
  async () => {
    const size = Buffer.from(Uint32Array.of(one.length).buffer)
    const payload = Buffer.concat([size, (await zstd?.compress(one)) as Buffer])
    const frames = [{ payload, flags: FLAG_ZSTD }]
    const footer = sumOf(one)
    expect(await codes(forgeSnapshot(frames, { footer, header: { compression: 'zstd' } }))).toEqual([
      undefined,
      undefined,
    ])
    expect(await codes(forgeSnapshot(frames, { footer }))).toEqual(corrupt)
  },
)

it('takes no footer with something behind what it says', async () => {
  const { bytes, name } = forgeSnapshot([{ payload: one }])
  const at = bytes.length - frameBytes(FOOTER_BYTES)
  const own = bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + FOOTER_BYTES)
  const withFooter = (payload: Buffer): Forged => {
    const frame = encodeFrame({ kind: KIND.footer, payload }, forgedHeader.salt)
    return { name, bytes: Buffer.concat([bytes.subarray(0, at), frame]) }
  }
  expect(await codes(withFooter(own))).toEqual([undefined, undefined])
  expect(await codes(withFooter(Buffer.concat([own, Buffer.alloc(1)])))).toEqual(corrupt)
})

it.each([
  [{ reason: 'kind' }, 'it has a new kind'],
  [{ reason: 'flags' }, 'it has a new flags'],
  [{ reason: 'version', newerVersion: 2 }, 'it has version 2'],
] as const)('says what is newer: %o', (fault, what) => {
  expect(
    faultError({ type: 'fault', offset: 512, headerValid: true, ...fault }, '/snapshots/1.snap'),
  ).toMatchObject({
    code: 'UNSUPPORTED_FORMAT',
    message: expect.stringContaining(what) as string,
    path: '/snapshots/1.snap',
    offset: 512,
  })
})
