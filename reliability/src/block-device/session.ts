import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BlockDevice } from './block-device.ts'
import type { Ending, SessionRefusal, SessionReport } from './child.ts'
import type { KillState } from '../kill/workload.ts'

/** A session that takes so long hangs. */
const SESSION_MAX_MS = 120_000

export interface SessionPlan {
  readonly seed: number
  readonly session: number
  readonly batches: number
  readonly ending: Ending
}

/** What came of a session. */
export interface SessionResult {
  opened?: { readonly seq: number; readonly state: KillState }
  batches: number
  moves: number
  refusal?: SessionRefusal
}

export function storeOn(device: BlockDevice): string {
  return join(device.mountPoint, 'store')
}

/** A process of its own that opens the store on the device, works, and ends as it was told. */
export async function runSession(device: BlockDevice, plan: SessionPlan): Promise<SessionResult> {
  const { seed, session, batches, ending } = plan
  const args = [storeOn(device), device.notesPath, seed, session, batches, ending].map(String)
  const child = fork(join(import.meta.dirname, 'child.ts'), args, {
    serialization: 'advanced',
    execArgv: ['--conditions=@holdfast/source'],
    // The same files again, each time.
    env: { ...process.env, NODE_COMPILE_CACHE: device.scratch('compiled') },
  })
  const result: SessionResult = { batches: 0, moves: 0 }
  child.on('message', (message) => {
    const report = message as SessionReport
    if (report.type === 'opened') result.opened = report
    else if (report.type === 'ended') Object.assign(result, { batches: report.batches, moves: report.moves })
    else result.refusal = report.refusal
  })
  const hanging = setTimeout(() => child.kill('SIGKILL'), SESSION_MAX_MS)
  // Both: the channel is read to its end, and the process holds no file any more.
  const [[code, signal]] = (await Promise.all([once(child, 'exit'), once(child, 'disconnect')])) as [
    [number | null, string | null],
    unknown,
  ]
  clearTimeout(hanging)
  const died = ending === 'kill' && result.refusal === undefined ? signal === 'SIGKILL' : code === 0
  if (!died) throw new Error(`the session ended with ${code ?? signal}`)
  return result
}
