import { fork } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sentence } from './bug.ts'
import type { ChildReport } from './child.ts'

/** What a harness made of a copy. */
export interface Hunt {
  /** What it reported; `undefined` where it found nothing. */
  readonly violation: string | undefined
  /** Seeds until then, and states that were recovered from. 0 where the harness has neither. */
  readonly seeds: number
  readonly states: number
  /** Why it could not be let loose on this machine. */
  readonly skipped?: string
}

export const NOTHING: Hunt = { violation: undefined, seeds: 0, states: 0 }

/** A harness that has not been heard of for so long hangs, which is no finding of its own. */
const SILENT_MAX_MS = 300_000

/** Lets a harness loose on the copy at `path`, for so many seeds at most. */
export function hunt(path: string, sentence: Sentence, seeds: number): Promise<Hunt> {
  if (sentence.harness === 'tests') return runTests(path, sentence.file, sentence.test)
  const child = join(path, 'reliability/src/zoo/child.ts')
  return runChild(path, child, [sentence.harness, String(sentence.seed), String(seeds)])
}

function runChild(path: string, program: string, args: readonly string[]): Promise<Hunt> {
  return new Promise((resolve, reject) => {
    const child = fork(program, args, {
      cwd: path,
      execArgv: ['--conditions=@holdfast/source'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let loaded = false
    let output = ''
    let ended: Hunt | undefined
    child.stderr?.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-4000)
    })
    child.on('message', (report: ChildReport) => {
      timer.refresh()
      if (report.type === 'alive') loaded = true
      else ended = { violation: report.violation, seeds: report.seeds, states: report.states }
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), SILENT_MAX_MS)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (ended !== undefined) resolve(ended)
      else if (!loaded) reject(new Error(`the harness could not be loaded: ${output}`))
      else reject(new Error(`the harness ended with ${signal ?? code} and no result: ${output}`))
    })
  })
}

/** The outcome of vitest, as far as it matters here. */
interface TestReport {
  readonly numTotalTests: number
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** The error that vitest gives a test that takes too long. */
const TIMED_OUT = 'TestTimeoutError'

async function runTests(path: string, file: string, test: string | undefined): Promise<Hunt> {
  const out = join(path, 'tests.json')
  await rm(out, { force: true })
  const vitest = join(path, 'node_modules/vitest/vitest.mjs')
  const args = ['run', file, '--root', path, '--reporter=json', `--outputFile=${out}`, '--bail=1']
  const options = ['--typecheck.enabled=false', '--no-file-parallelism', '--testTimeout=60000']
  if (test !== undefined) options.push('--testNamePattern', test)
  await new Promise<void>((resolve, reject) => {
    const child = fork(vitest, [...args, ...options], { cwd: path, execArgv: [], stdio: 'ignore' })
    const timer = setTimeout(() => child.kill('SIGKILL'), SILENT_MAX_MS)
    child.on('close', (_, signal) => {
      clearTimeout(timer)
      if (signal === null) resolve()
      else reject(new Error(`the tests in ${file} did not end`))
    })
  })
  const report = JSON.parse(await readFile(out, 'utf8')) as TestReport
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  // A file that cannot be loaded has no tests: the rewrite is broken then, and not found.
  if (results.length === 0)
    throw new Error(`${file} could not be loaded: ${report.testResults[0]?.message ?? 'it is not there'}`)
  if (results.every(({ status }) => status !== 'passed' && status !== 'failed'))
    return { ...NOTHING, skipped: `the tests in ${file} need what this machine does not have` }
  const failed = results.find(({ status }) => status === 'failed')
  // It may hang, or the machine may be busy: no finding either way.
  if (failed?.failureMessages[0]?.includes(TIMED_OUT) === true)
    throw new Error(`${failed.fullName}: ${failed.failureMessages[0]}`)
  const violation =
    failed === undefined ? undefined : `${failed.fullName}: ${failed.failureMessages[0] ?? ''}`
  return { ...NOTHING, violation }
}
