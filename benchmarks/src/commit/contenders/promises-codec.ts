// The same, with each command encoded at the call and decoded before it is applied, as it is for the log.
import { type Codec, messagePackCodec } from '@holdfast/codec'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { open as openPromises } from './promises.ts'

export function open(place: CommitPlace): Promise<CommitContender> {
  return openPromises(place, messagePackCodec as Codec<never>)
}
