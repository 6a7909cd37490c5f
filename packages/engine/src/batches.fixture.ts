import { messagePackCodec } from '@holdfast/codec'
import type { Batch, Mark } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import { encodeOutcomes, type RecordedOutcomes } from './outcomes.ts'

/** A batch as a log would give it. */
export function batchOf(
  firstSeq: number,
  commands: readonly LoggedCommand[],
  {
    outcomes,
    version = 1,
    time = firstSeq * 1000,
  }: { outcomes?: RecordedOutcomes; version?: number; time?: number } = {},
): Batch {
  const encoder = messagePackCodec.encoder()
  for (const command of commands) encoder.add(command)
  const records = Buffer.alloc(encoder.bytes)
  encoder.copyTo(records, 0)
  return {
    firstSeq,
    lastSeq: firstSeq + commands.length - 1,
    count: commands.length,
    time,
    durableSeq: firstSeq - 1,
    note: outcomes === undefined ? new Uint8Array(0) : encodeOutcomes(outcomes),
    machineVersion: version,
    codec: messagePackCodec.id,
    records,
  }
}

export function markOf(outcomes: RecordedOutcomes): Mark {
  return { durableSeq: outcomes.through, time: outcomes.through * 1000, note: encodeOutcomes(outcomes) }
}
