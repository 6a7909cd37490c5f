// Holdfast, four commands at once, by many callers: several groups share a write.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count } from './holdfast.ts'
import { openForGroups } from './holdfast-execute-all.ts'

export { count }

export function open(place: CommitPlace): Promise<CommitContender> {
  return openForGroups(place, 4)
}
