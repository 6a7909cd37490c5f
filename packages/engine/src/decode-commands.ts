import type { Codec } from '@holdfast/codec'
import { HoldfastError } from '@holdfast/environment'
import type { Batch } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'

/** The commands of a batch. Throws `UNSUPPORTED` for a codec that is not there, `DECODE_FAILED` for what is no command. */
export function decodeCommands(batch: Batch, codecs: ReadonlyMap<string, Codec<unknown>>): LoggedCommand[] {
  const { firstSeq } = batch
  const codec = codecs.get(batch.codec)
  if (codec === undefined) {
    throw new HoldfastError(
      'UNSUPPORTED',
      `the log was written with the codec '${batch.codec}', which was not passed`,
      {
        seq: firstSeq,
      },
    )
  }
  const commands = codec.decode(batch.records, batch.count)
  for (let i = 0; i < commands.length; i++) {
    if (isCommand(commands[i])) continue
    throw new HoldfastError(
      'DECODE_FAILED',
      'the record is not a command: something else than a store wrote this log',
      {
        seq: firstSeq + i,
      },
    )
  }
  return commands as LoggedCommand[]
}

function isCommand(value: unknown): value is LoggedCommand {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string'
}
