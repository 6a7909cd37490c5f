import type { Bug } from './bug.ts'
import { CODEC_BUGS } from './bugs/codec.ts'
import { ENGINE_BUGS } from './bugs/engine.ts'
import { ENVIRONMENT_BUGS } from './bugs/environment.ts'
import { FRAMING_BUGS } from './bugs/framing.ts'
import { LOG_KEEPING_BUGS } from './bugs/log-keeping.ts'
import { LOG_RECOVERY_BUGS } from './bugs/log-recovery.ts'
import { LOG_WRITING_BUGS } from './bugs/log-writing.ts'
import { SNAPSHOT_BUGS } from './bugs/snapshot.ts'
import { SNAPSHOTTING_BUGS } from './bugs/snapshotting.ts'

/** All of them. */
export const BUGS: readonly Bug[] = [
  ...ENVIRONMENT_BUGS,
  ...FRAMING_BUGS,
  ...CODEC_BUGS,
  ...LOG_WRITING_BUGS,
  ...LOG_KEEPING_BUGS,
  ...LOG_RECOVERY_BUGS,
  ...SNAPSHOT_BUGS,
  ...ENGINE_BUGS,
  ...SNAPSHOTTING_BUGS,
]
