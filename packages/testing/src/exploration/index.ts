// Apart from the rest: whoever builds on single layers explores an engine of their own with it.
export { explore } from './explore.ts'
export type { Explored, ExploreOptions, Failure } from './explored.ts'
export type { Found } from './model.ts'
export { shrinkFailure } from './shrink-failure.ts'
export { type OpenSubject, SNAPSHOT_MODES, STORE, type Subject, type SubjectSettings } from './subject.ts'
