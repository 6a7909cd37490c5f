import { relative } from 'node:path'
import type { LogLevel, MutantResult } from '@stryker-mutator/api/core'
import { Stryker } from '@stryker-mutator/core'

/**
 * A mutant whose tests take so much longer than before is in an endless loop. Stryker counts how often it
 * comes by and finds most of them long before, so this is as patient as a busy machine needs. The rest,
 * one in twenty, each take this long: at a minute each they took twelve times as long as all others together.
 */
const TIMEOUT_FACTOR = 4
const TIMEOUT_MS = 10_000

export interface MutateOptions {
  readonly packageName: string
  /** Those of the sources to mutate, as a pattern in `src`. */
  readonly files: string
  /** How many mutants are tried at a time. */
  readonly concurrency: number
}

/**
 * Changes one thing at a time in the sources of a package and runs the tests that reach it. What an earlier run
 * found is kept where neither the mutant's surroundings nor its tests have changed. Runs where npm scripts do.
 */
export function mutate({ packageName, files, concurrency }: MutateOptions): Promise<MutantResult[]> {
  const source = `packages/${packageName}/src`
  return new Stryker({
    mutate: [`${source}/${files}.ts`, `!${source}/**/*.{test,test-d,contract,fixture}.ts`],
    testRunner: 'vitest',
    vitest: { configFile: `${here()}/vitest.config.ts`, dir: source, related: false },
    plugins: ['@stryker-mutator/vitest-runner', `${import.meta.dirname}/messages.ts`],
    ignorers: ['messages'],
    coverageAnalysis: 'perTest',
    concurrency,
    timeoutFactor: TIMEOUT_FACTOR,
    timeoutMS: TIMEOUT_MS,
    incremental: true,
    incrementalFile: `node_modules/.cache/mutation/${packageName}.json`,
    // A copy of what the tests need. It lies in an ignored folder, so that no other tool takes it for sources.
    tempDirName: '.reports/mutation/sandbox',
    cleanTempDir: 'always',
    ignorePatterns: [
      '**',
      '!packages/**',
      '!docs/format.md',
      '!tsconfig.base.json',
      `!${here()}/**`,
      'packages/*/dist',
      'packages/*/.turbo',
    ],
    disableTypeChecks: false,
    reporters: ['progress-append-only', 'html'],
    htmlReporter: { fileName: `.reports/mutation/${packageName}.html` },
    allowConsoleColors: false,
    logLevel: 'warn' as LogLevel,
  }).runMutationTest()
}

function here(): string {
  return relative('.', import.meta.dirname)
}
