// The programs in a README: what a test runs, a compiler reads and the smoke suite tries is what is printed there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ReadmeProgram {
  /** The file that it says it is in its first line: `// bank.ts`. */
  readonly name: string | undefined
  readonly code: string
  /** What stands in the block behind it: what it prints. */
  readonly printed: string | undefined
}

const PROGRAM = /```ts\n((?:\/\/ (\S+\.ts)\n)?.*?)```\n(?:\n```\n(.*?)```\n)?/gs

/** Every block of TypeScript in the README of a directory. */
export function readmePrograms(directory: string): ReadmeProgram[] {
  const readme = readFileSync(join(directory, 'README.md'), 'utf8')
  return [...readme.matchAll(PROGRAM)].map(([, code = '', name, printed]) => ({ name, code, printed }))
}
