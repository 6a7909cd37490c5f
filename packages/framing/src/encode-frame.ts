import { HoldfastError } from '@holdfast/environment'
import { checksum, combineChecksums, headerChecksumAt, payloadChecksum } from './checksum.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  frameBytes,
  HEADER_CHECKED_BYTES,
  MAX_PAYLOAD_BYTES,
  paddingBytes,
} from './format.ts'

const NOTHING = Buffer.alloc(0)

/** What a frame is made of. */
export interface FrameContent {
  /** 0-255. With the top bit set, readers that don't know the kind step over it. */
  kind: number
  /** 0-65535. Default: 0. */
  flags?: number
  payload: Uint8Array
}

/** A frame that was written into a buffer. */
export interface SealedFrame {
  /** Where the frame ends in the buffer. */
  end: number
  /** What `FrameDigest` is made of. */
  headerChecksum: number
}

/** A frame as bytes, to be written at a multiple of `FRAME_ALIGNMENT`. The payload is copied. */
export function encodeFrame(frame: FrameContent, seed: number): Buffer {
  const { kind, flags = 0, payload } = frame
  assertPayloadBytes(payload.length)
  const buffer = Buffer.allocUnsafe(frameBytes(payload.length))
  buffer.set(payload, FRAME_HEADER_BYTES)
  sealFrame(buffer, 0, kind, flags, payload.length, seed)
  return buffer
}

/** What the end of a payload comes to by itself: its bytes, and their checksum from 0. */
export interface KnownEnd {
  readonly bytes: number
  readonly checksum: number
}

/** What the bytes come to by themselves, for a frame that they will be the end of. */
export function knownEndOf(bytes: Uint8Array): KnownEnd {
  return { bytes: bytes.length, checksum: checksum(bytes, 0) }
}

/**
 * Makes a frame in place, around a payload that already stands at `start + FRAME_HEADER_BYTES`: writes the
 * header before it and the zeros behind it. Nothing is copied. The buffer must have room for the padding. With
 * `known`, the end of the payload is not gone over again.
 */
export function sealFrame(
  buffer: Buffer,
  start: number,
  kind: number,
  flags: number,
  payloadBytes: number,
  seed: number,
  known?: KnownEnd,
): SealedFrame {
  assertPayloadBytes(payloadBytes)
  assertUnsigned('kind', kind, 0xff)
  assertUnsigned('flags', flags, 0xffff)
  assertUnsigned('seed', seed, 0xffffffff)
  const end = start + frameBytes(payloadBytes)
  if (!Number.isSafeInteger(start) || start < 0 || end > buffer.length) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `a frame from ${start} to ${end} is not inside ${buffer.length} bytes`,
    )
  }
  const payloadAt = start + FRAME_HEADER_BYTES
  const padding = paddingBytes(payloadBytes)
  for (let index = end - padding; index < end; index++) buffer[index] = 0
  buffer[start] = FRAME_VERSION
  buffer[start + 1] = kind
  buffer.writeUInt16LE(flags, start + 2)
  buffer.writeUInt32LE(payloadBytes, start + 4)
  buffer.writeUInt32LE(checksumOf(buffer, payloadAt, payloadBytes, padding, seed, known), start + 8)
  const headerChecksum = headerChecksumAt(buffer, start, seed)
  buffer.writeUInt32LE(headerChecksum, start + HEADER_CHECKED_BYTES)
  return { end, headerChecksum }
}

function checksumOf(
  buffer: Buffer,
  at: number,
  bytes: number,
  padding: number,
  seed: number,
  known: KnownEnd | undefined,
): number {
  if (known === undefined) return payloadChecksum(buffer.subarray(at, at + bytes), padding, seed)
  if (!(known.bytes >= 0 && known.bytes <= bytes))
    throw new HoldfastError('INVALID_ARGUMENT', `the end of ${bytes} bytes does not have ${known.bytes}`)
  const front = checksum(buffer.subarray(at, at + bytes - known.bytes), seed)
  return payloadChecksum(NOTHING, padding, combineChecksums(front, known.checksum, known.bytes))
}

function assertPayloadBytes(payloadBytes: number): void {
  if (Number.isSafeInteger(payloadBytes) && payloadBytes >= 0 && payloadBytes <= MAX_PAYLOAD_BYTES) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `a payload has 0 to ${MAX_PAYLOAD_BYTES} bytes, not ${payloadBytes}: no reader would accept it`,
  )
}

function assertUnsigned(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `a frame's ${name} is an integer from 0 to ${max}, not ${value}`,
  )
}
