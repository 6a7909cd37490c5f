/** What one would take, as it is imported and as it is installed. */
export interface StartSubject {
  readonly name: string
  readonly imports: readonly string[]
  /** The package that is installed for it; what Node.js brings has none. */
  readonly installs?: string
  /** The contender of the commit part whose opening is timed. */
  readonly opens?: string
}

/** In the order of the tables. */
export const START_SUBJECTS: readonly StartSubject[] = [
  { name: 'holdfast', imports: ['holdfast'], installs: 'holdfast', opens: 'holdfast' },
  { name: '@holdfast/wal', imports: ['@holdfast/wal'], installs: '@holdfast/wal', opens: '@holdfast/wal' },
  { name: 'lmdb', imports: ['lmdb'], installs: 'lmdb', opens: 'lmdb' },
  { name: 'classic-level', imports: ['classic-level'], installs: 'classic-level', opens: 'classic-level' },
  { name: 'node:sqlite', imports: ['node:sqlite'], opens: 'node:sqlite' },
  { name: 'nedb', imports: ['@seald-io/nedb'], installs: '@seald-io/nedb', opens: 'nedb' },
  { name: 'lowdb', imports: ['lowdb', 'lowdb/node'], installs: 'lowdb', opens: 'lowdb' },
  { name: 'Redis', imports: ['redis'], installs: 'redis', opens: 'Redis' },
  { name: 'nothing', imports: [] },
]
