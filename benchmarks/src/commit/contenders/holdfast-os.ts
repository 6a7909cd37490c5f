// Holdfast at level `os`: acknowledged once it is written, synced within a tenth of a second.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count, open as openAt } from './holdfast.ts'

export { count }

export function open(place: CommitPlace): Promise<CommitContender> {
  return openAt(place, 'os')
}
