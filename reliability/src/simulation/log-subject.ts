import { Wal } from '@holdfast/wal'
import type { SeededRandom } from '@holdfast/testing/environment'
import { type Found, type OpenSubject, STORE, type Subject } from '@holdfast/testing/exploration'

/**
 * The log by itself. A record is bytes that say which one it is; some are zeros for the most part, some are
 * longer than a segment, which then takes space ahead as it grows.
 */
export const logSubject: Subject = {
  draw(id: number, random: SeededRandom): Buffer {
    const size = [4, 30, 300, 1500, 6000][random.below(5)] as number
    const bytes = Buffer.alloc(4 + random.below(size))
    bytes.writeUInt32LE(id)
    if (random.below(3) > 0) bytes.fill(random.bytes(bytes.length - 4), 4)
    return bytes
  },

  async open(environment, { syncIntervalMs, maxUnsyncedBytes, segmentBytes }): Promise<OpenSubject> {
    const wal = await Wal.open(STORE, { environment, segmentBytes, syncIntervalMs, maxUnsyncedBytes })
    return {
      get durableSeq() {
        return wal.durableSeq
      },
      get lastSeq() {
        return wal.range.last
      },
      async submit(records, durability) {
        const [first] = records
        if (records.length === 1) return wal.append(first as Buffer, { durability })
        return (await wal.appendAll(records as readonly Buffer[], { durability })).firstSeq
      },
      sync: () => wal.sync(),
      tidy: (throughSeq) => wal.trim(throughSeq),
      read: (records) => read(wal, records as ReadonlyMap<number, Buffer>),
      verify: () => {},
      close: () => wal.close(),
    }
  },
}

async function read(wal: Wal, records: ReadonlyMap<number, Buffer>): Promise<Found> {
  const firstSeq = wal.range.first
  const ids: number[] = []
  for await (const { seq, value } of wal.read()) {
    if (seq !== firstSeq + ids.length)
      throw new Error(`I2: sequence ${seq} where ${firstSeq + ids.length} belongs`)
    const id = value.length < 4 ? 0 : Buffer.from(value.buffer, value.byteOffset).readUInt32LE()
    if (!records.get(id)?.equals(value)) throw new Error(`I3: the record at ${seq} was never written`)
    ids.push(id)
  }
  const last = firstSeq + ids.length - 1
  if (wal.range.last !== last)
    throw new Error(`I2: the range ends at ${wal.range.last}, and ${last} was the last to be read`)
  return { firstSeq, ids }
}
