import { createHash } from 'node:crypto'
import { encodeFrame, FRAME_HEADER_BYTES, FrameDigest } from '@holdfast/framing'
import { FOOTER_BYTES, type Footer, writeFooter } from './footer.ts'
import { KIND } from './format.ts'
import { encodeHeader, type FileHeader } from './header.ts'
import { snapshotName } from './file-name.ts'

/** A frame behind the header. */
export interface ForgedFrame {
  readonly kind?: number
  readonly flags?: number
  readonly payload: Uint8Array
}

export interface Forged {
  readonly name: string
  readonly bytes: Buffer
}

/** Of the files that are forged, where nothing else is asked for. */
export const forgedHeader: FileHeader = {
  seq: 1,
  id: 1,
  time: 0,
  epoch: 1,
  machineVersion: 1,
  codec: 'msgpack-1',
  compression: 'none',
  salt: 0x12345678,
  storeId: new Uint8Array(16),
  note: new Uint8Array(),
}

/** A file whose checksums and digests are all right, whatever is in it. `headerFrame` takes the place of the header. */
export function forgeSnapshot(
  frames: readonly ForgedFrame[],
  changes: { header?: Partial<FileHeader>; footer?: Partial<Footer>; headerFrame?: Buffer } = {},
): Forged {
  const own = { ...forgedHeader, ...changes.header }
  const first = changes.headerFrame ?? encodeHeader(own)
  const encoded = frames.map(({ kind = KIND.chunk, flags = 0, payload }) =>
    encodeFrame({ kind, flags, payload }, own.salt),
  )
  const chunks = frames.filter(({ kind = KIND.chunk }) => kind === KIND.chunk)
  const hash = createHash('sha256')
  for (const { payload } of chunks) hash.update(payload)
  const digest = new FrameDigest()
  for (const frame of [first, ...encoded]) digest.add(frame.readUInt32LE(FRAME_HEADER_BYTES - 4))
  const footer = Buffer.alloc(FOOTER_BYTES)
  writeFooter(
    {
      entries: 1,
      chunks: chunks.length,
      payloadBytes: chunks.reduce((sum, { payload }) => sum + payload.length, 0),
      digest: hash.digest('hex'),
      frames: digest.value,
      ...changes.footer,
    },
    footer,
    0,
  )
  const last = encodeFrame({ kind: KIND.footer, payload: footer }, own.salt)
  return { name: snapshotName(own.seq, own.id), bytes: Buffer.concat([first, ...encoded, last]) }
}

/** A chunk's payload out of its parts. */
export function forgeChunk(
  values: number,
  ops: readonly number[],
  encoded: Uint8Array = new Uint8Array(),
): Buffer {
  const prefix = Buffer.alloc(8)
  prefix.writeUInt32LE(values, 0)
  prefix.writeUInt32LE(ops.length, 4)
  return Buffer.concat([prefix, Uint8Array.from(ops), encoded])
}

/** The bytes of an OPEN. */
export function openOp(kind: number, size: number): number[] {
  const op = Buffer.alloc(9)
  op[0] = 16 + kind
  op.writeBigUInt64LE(BigInt(size), 1)
  return [...op]
}

/** The bytes of a VALUES. */
export function valuesOp(count: number): number[] {
  const op = Buffer.alloc(5)
  op[0] = 1
  op.writeUInt32LE(count, 1)
  return [...op]
}

export const closeOp: readonly number[] = [2]
