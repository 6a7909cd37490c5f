import { memoryEnvironment } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { SegmentWriter } from './segment-writer.ts'

it('writes nothing of a batch that does not follow the last one', async () => {
  const environment = memoryEnvironment()
  const { file, bytes } = await SegmentWriter.prepare(environment, '/segment', 4096)
  const header = {
    salt: 1,
    storeId: Buffer.alloc(16, 1),
    id: 1,
    epoch: 1,
    firstSeq: 4,
    predecessor: { id: 0, lastSeq: 3, digest: 0 },
    machineVersion: 0,
    codec: 'bytes-1',
  }
  const writer = await SegmentWriter.begin('/segment', file, header, 4096, bytes)
  const before = environment.files.snapshot()
  for (const firstSeq of [3, 5]) {
    const batch = { frame: Buffer.alloc(64, 1), headerChecksum: 1, firstSeq, lastSeq: firstSeq }
    await expect(writer.append(batch, 'disk')).rejects.toThrow(`a batch of sequence ${firstSeq} behind 3`)
  }
  expect(environment.files.snapshot()).toEqual(before)
  await writer.close()
})
