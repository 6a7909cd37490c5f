// Holdfast, four commands at once, by many callers: several groups share a write.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count } from './holdfast.ts'
import { openForGroups } from './holdfast-execute-all.ts'

export { count }

const SIZE = 4

export async function open(place: CommitPlace): Promise<CommitContender> {
  return { ...(await openForGroups(place, SIZE)), callers: Math.max(1, place.inFlight / SIZE) }
}
