import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { Outcome, Run } from './part.ts'

/** A run that takes so many times as long as it should is ended. */
const PATIENCE = 20
/** To start a process, on a machine that is busy with something else. */
const START_MS = 20_000
/** Of what a process prints, the end: an answer is a line, and what went wrong is said last. */
const OUTPUT_MAX_CHARACTERS = 100_000

/** What a run is told beside its input. */
export interface Place {
  /** Its own, and its working directory: empty. */
  readonly directory: string
  /** The directory that was prepared for it; others read it too. */
  readonly prepared?: string
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) endGroup(child)
})

export interface Conditions {
  /** A directory for what compiling the programs gave: to do it anew would take longer than many a run. */
  readonly compiled: string
  /** What a process is given to start, beside its time. */
  readonly startMs?: number
}

/** Runs a program in a process of its own and waits for the line that it answers with, but not for ever. */
export async function runChild(
  run: Run,
  place: Place,
  { compiled, startMs = START_MS }: Conditions,
): Promise<Outcome> {
  const { program, input, seconds, cold = false } = run
  const patienceMs = startMs + seconds * PATIENCE * 1000
  const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions='))
  const child = spawn(
    process.execPath,
    [...conditions, program, JSON.stringify(input), JSON.stringify(place)],
    // A group of its own: a server that it started ends with it, whatever happens.
    {
      cwd: place.directory,
      env: {
        ...process.env,
        ...(cold ? { NODE_DISABLE_COMPILE_CACHE: '1' } : { NODE_COMPILE_CACHE: compiled }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  running.add(child)
  let late = false
  const timer = setTimeout(() => {
    late = true
    endGroup(child)
  }, patienceMs)
  try {
    const output = endOf(child.stdout)
    const errors = endOf(child.stderr)
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    endGroup(child)
    if (late) return { failed: `not done after ${Math.round(patienceMs / 1000)} s` }
    if (code !== 0) return { failed: `${signal ?? `exit ${code}`}: ${errorIn(await errors)}` }
    return JSON.parse(lastLine(await output)) as Outcome
  } catch (error) {
    return { failed: String(error) }
  } finally {
    clearTimeout(timer)
    running.delete(child)
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it: that is what was wanted.
  }
}

async function endOf(stream: Readable): Promise<string> {
  stream.setEncoding('utf8')
  let text = ''
  for await (const chunk of stream) text = (text + (chunk as string)).slice(-OUTPUT_MAX_CHARACTERS)
  return text
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

/** Of what Node.js prints when a program throws, the line with the message. */
function errorIn(text: string): string {
  return text.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? lastLine(text)
}
