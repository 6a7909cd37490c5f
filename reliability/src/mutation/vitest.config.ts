// What kills mutants: the tests of one package that run in this process and are done at once. Stryker names
// the package's folder as `dir`.
import { defaultServerConditions } from 'vite'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type CliOptions, type TestSpecification } from 'vitest/node'

const packages = `${import.meta.dirname}/../../../packages`

/** A mutant's first failing test is the end of its run, and most fail in files that are done in a moment. */
class ShortestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = (file: TestSpecification): number => {
      const last = this.ctx.cache.getTestSpecificationResult(file)
      if (last === undefined) return 0
      return last.failed ? -1 : last.duration
    }
    return Promise.resolve([...files].sort((a, b) => order(a) - order(b)))
  }
}

export default defineConfig({
  resolve: {
    // Stryker mutates a copy of the repository. Through node_modules a test would get the original.
    alias: [
      { find: /^@holdfast\/([a-z]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@holdfast\/([a-z]+)\/([a-z]+)$/, replacement: `${packages}/$1/src/$2` },
      { find: /^holdfast$/, replacement: `${packages}/engine/src/index.ts` },
    ],
  },
  ssr: { resolve: { conditions: ['@holdfast/source', ...defaultServerConditions] } },
  test: {
    include: ['**/*.test.ts'],
    // These start processes, kill them, or compile a README; and the last needs modules of its own.
    exclude: [...configDefaults.exclude, '**/{readme,process,crash,without-zstd}.test.ts'],
    tags: [{ name: 'long' }],
    // The types know this only as an option of the command line.
    ...({ tagsFilter: ['!long'] } satisfies CliOptions),
    pool: 'threads',
    // One thread for the files of a run. The next run, and so each mutant, has a new one.
    isolate: false,
    sequence: { sequencer: ShortestFirst },
    testTimeout: 30_000,
  },
})
