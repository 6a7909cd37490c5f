import type { FuzzTarget } from './target.ts'
import { codec } from './targets/codec.ts'
import { frames } from './targets/frames.ts'
import { log } from './targets/log.ts'
import { manifest } from './targets/manifest.ts'
import { snapshot } from './targets/snapshot.ts'
import { store } from './targets/store.ts'

/** Everything that is fuzzed. */
export const TARGETS: readonly FuzzTarget[] = [codec, frames, manifest, snapshot, log, store]
