// A load on a store, with snapshots one after the other or without.
import { spawn } from 'node:child_process'
import { cpSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from '../answer.ts'
import { callers } from '../callers.ts'
import { percentiles } from '../percentiles.ts'
import type { SubjectName } from './modes.ts'
import { openSubject } from './subject.ts'

export interface SnapshotsInput {
  readonly snapshots: boolean
  /** Beside a process that does nothing but take another core, at the priority of a thread that takes snapshots. */
  readonly besideLoop: boolean
  readonly subject: SubjectName
  readonly cities: number
  readonly inFlight: number
  /** At least; a snapshot that is under way is waited for. */
  readonly ms: number
}

const WARM_UP_SHARE = 0.3
const DELAY_RESOLUTION_MS = 1

await answer(async (input: SnapshotsInput, { directory, prepared = '' }) => {
  const { snapshots, besideLoop, subject: name, cities, inFlight, ms } = input
  cpSync(prepared, directory, { recursive: true })
  const subject = await openSubject(name, directory)
  const commit = (index: number): Promise<unknown> => subject.commit((index * 7919) % cities)
  const load = { inFlight, most: Infinity }
  const warmUp = await callers({ commit }, { ...load, ms: ms * WARM_UP_SHARE, first: 0 })
  const endLoop = besideLoop ? endlessLoop() : () => {}
  const memoryBefore = subject.peakMemoryMib()
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delay.enable()
  const stop = new AbortController()
  const loading = callers({ commit }, { ...load, ms: Infinity, signal: stop.signal, first: warmUp.next })
  const started = performance.now()
  let taken = 0
  let bytes = 0
  if (snapshots) {
    for (; performance.now() - started < ms; taken += 1) bytes += await subject.snapshot()
  } else {
    await sleep(ms)
  }
  const seconds = (performance.now() - started) / 1000
  stop.abort()
  const { acknowledged, latency, ms: loadedMs } = await loading
  delay.disable()
  endLoop()
  const memory = subject.peakMemoryMib()
  await subject.close()
  return {
    perSecond: (acknowledged / loadedMs) * 1000,
    ...percentiles(latency),
    delayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS),
    longestStallMs: Math.max(0, delay.max / 1e6 - DELAY_RESOLUTION_MS),
    peakMemoryMib: memory,
    grownMib: memory - memoryBefore,
    ...(taken === 0
      ? {}
      : { taken, snapshotSeconds: seconds / taken, bytes: bytes / taken, bytesPerSecond: bytes / seconds }),
  }
})

function endlessLoop(): () => void {
  const child = spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' })
  setPriority(child.pid as number, constants.priority.PRIORITY_BELOW_NORMAL)
  return () => void child.kill('SIGKILL')
}
