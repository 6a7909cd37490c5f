import type { BlockDevice } from './block-device.ts'
import type { Ending } from './child.ts'
import type { FileSystemKind } from './file-systems.ts'
import { runSession } from './session.ts'

/** How the sessions of a run end, one behind the other. */
const SESSION_ENDINGS: readonly Ending[] = ['close', 'kill', 'leave', 'kill', 'close', 'kill']

/**
 * Makes the file system and runs the workload on it, in several sessions, with the log on. Returns how many
 * batches were written.
 */
export async function recordRun(
  device: BlockDevice,
  kind: FileSystemKind,
  { seed, batches, logPath }: { seed: number; batches: number; logPath: string },
): Promise<number> {
  device.clear()
  device.startLog(logPath)
  await device.make(kind)
  device.note(JSON.stringify({ type: 'start' }))
  await device.mount(kind)
  let written = 0
  for (let session = 0; written < batches; session += 1) {
    const ending = SESSION_ENDINGS[session % SESSION_ENDINGS.length] as Ending
    const left = batches - written
    const wanted = Math.min(left, Math.ceil(batches / SESSION_ENDINGS.length))
    const { refusal, batches: done } = await runSession(device, { seed, session, batches: wanted, ending })
    if (refusal !== undefined) {
      throw new Error(`refused without a fault: ${refusal.doing}, ${refusal.code}, ${refusal.message}`)
    }
    written += done
  }
  await device.unmount()
  device.stopLog()
  return written
}
