// What kills mutants: the tests of one package that run in this process and are done at once. Stryker names
// the package's folder as `dir`.
import { defaultServerConditions } from 'vite'
import { configDefaults, defineConfig } from 'vitest/config'

const packages = `${import.meta.dirname}/../../../packages`

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
    // These start processes, kill them, or compile a README.
    exclude: [...configDefaults.exclude, '**/{readme,process,crash}.test.ts'],
    pool: 'threads',
  },
})
