import { callers } from '../callers.ts'
import type { Figures } from '../part.ts'
import { percentiles } from '../percentiles.ts'
import { cpuUsedUs, diskWrittenBytes, peakMemoryMib } from '../usage.ts'
import type { CommitContender, CommitPlace } from './contender.ts'

/**
 * Of the measured time, how long goes before it. Code is compiled once it has run often enough, which takes one
 * caller seconds: so a crowd of them first, as far as their commands are small, and then those that are measured.
 */
const CROWD_SHARE = 0.5
const WARM_UP_SHARE = 0.3
const CROWD = 256
const CROWD_BYTES = 256 * 1024
/** Of a load at most: what a disk takes in the time, several times over. */
const LOAD_MAX_BYTES = 1024 * 1024 * 1024

/** Puts a contender under load for so long, and says what a command came to. */
export async function measure(contender: CommitContender, place: CommitPlace, ms: number): Promise<Figures> {
  const batch = contender.batch ?? 1
  const load = {
    inFlight: contender.callers ?? (contender.batch === undefined ? place.inFlight : 1),
    most: Math.max(1, Math.floor(LOAD_MAX_BYTES / (batch * place.bytes))),
  }
  const crowd = contender.batch === undefined ? Math.min(CROWD, CROWD_BYTES / place.bytes) : 1
  const crowded = await callers(contender, {
    ...load,
    inFlight: Math.max(load.inFlight, Math.floor(crowd)),
    ms: ms * CROWD_SHARE,
    first: 0,
  })
  const warmUp = await callers(contender, { ...load, ms: ms * WARM_UP_SHARE, first: crowded.next })
  const diskBefore = diskWrittenBytes(place.directory)
  const cpuBefore = await cpuOf(contender)
  const loaded = await callers(contender, { ...load, ms, first: warmUp.next })
  const cpuAfter = await cpuOf(contender)
  const diskAfter = diskWrittenBytes(place.directory)
  const given = contender.givenBytes ?? place.commands.bytes
  const commands = loaded.acknowledged * batch
  return {
    commands,
    perSecond: (commands / loaded.ms) * 1000,
    ...percentiles(loaded.latency),
    cpuUs: (cpuAfter - cpuBefore) / commands,
    ...(diskBefore === undefined || diskAfter === undefined
      ? {}
      : { bytesPerByte: (diskAfter - diskBefore) / (commands * given) }),
    peakMemoryMib: peakMemoryMib(),
  }
}

async function cpuOf(contender: CommitContender): Promise<number> {
  return cpuUsedUs() + ((await contender.cpuUsedElsewhereUs?.()) ?? 0)
}
