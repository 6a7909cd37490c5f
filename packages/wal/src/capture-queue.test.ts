import { bytesCodec, type Codec } from '@holdfast/codec'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { encode, STORE, text } from './log-harness.fixture.ts'
import { Wal } from './wal.ts'

/** A log, and how many encoders it has asked its codec for. */
async function open(): Promise<{ wal: Wal; encoders: () => number }> {
  let encoders = 0
  const codec: Codec<Uint8Array> = {
    ...bytesCodec,
    encoder: () => {
      encoders += 1
      return bytesCodec.encoder()
    },
  }
  const wal = await Wal.open(STORE, { environment: memoryEnvironment(), codec })
  return { wal, encoders: () => encoders }
}

const records = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => encode(text(i)))

describe('an encoder, whose memory is there already, is used again', () => {
  it('for one batch after another', async () => {
    const { wal, encoders } = await open()
    for (const each of records(20)) await wal.append(each)
    expect(encoders()).toBe(1)
    await wal.close()
  })

  it('as soon as a batch is full, before it is written', async () => {
    const { wal, encoders } = await open()
    await Promise.all(records(10_000).map((each) => wal.append(each)))
    expect(encoders()).toBe(1)
    await wal.close()
  })

  it('as soon as a group begins another batch', async () => {
    const { wal, encoders } = await open()
    for (let i = 0; i < 5; i++)
      await Promise.all([700, 700, 700].map((count) => wal.appendAll(records(count))))
    expect(encoders()).toBe(2)
    await wal.close()
  })

  it('by turns, where batches that are full and others that are not follow each other', async () => {
    const { wal, encoders } = await open()
    for (let i = 0; i < 10; i++) {
      await Promise.all(records(1500).map((each) => wal.append(each)))
      await Promise.all([wal.append(encode('a')), wal.appendAll(records(1100)), wal.append(encode('b'))])
    }
    expect(encoders()).toBeLessThanOrEqual(3)
    await wal.close()
  })
})
