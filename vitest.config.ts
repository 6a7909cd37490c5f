import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The packages name their TypeScript entry under this condition, so tests run on the sources, unbuilt.
  // A child started with fork() inherits it; one started with spawn() needs `--conditions=@holdfast/source`.
  ssr: { resolve: { conditions: ['@holdfast/source', ...defaultServerConditions] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
      'benchmarks/src/**/*.test.ts',
      'reliability/src/**/*.test.ts',
      'tests/*.test.ts',
    ],
    tags: [
      {
        name: 'long',
        description: 'seconds of random or exhaustive inputs, which mutation testing leaves out',
      },
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    typecheck: {
      enabled: true,
      checker: 'tsc',
      tsconfig: './tsconfig.test.json',
      include: ['packages/*/src/**/*.test-d.ts'],
      ignoreSourceErrors: true, // `npm run typecheck` reports those
    },
    coverage: {
      include: ['packages/{framing,codec,recovery,snapshot,wal}/src/**/*.ts'],
      exclude: ['**/*.{test,test-d,contract,fixture}.ts'],
      thresholds: Object.fromEntries(
        ['framing', 'codec', 'recovery', 'snapshot', 'wal'].map((name) => [
          `packages/${name}/src/**`,
          { branches: 95 },
        ]),
      ),
    },
  },
})
