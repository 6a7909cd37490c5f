// A victim's end of the channel to the one who watches it.
import { once } from 'node:events'

export function report(message: { readonly type: string }): void {
  process.send?.(message)
}

/** Reports, and waits for what the parent says to it. */
export async function answerTo<Go>(message: { readonly type: string }): Promise<Go> {
  report(message)
  const [go] = (await once(process, 'message')) as [Go]
  return go
}

/** Reports what must not have happened, and ends. */
export function failed(error: unknown): void {
  report(failure(error))
  process.exitCode = 1
  process.disconnect()
}

function failure(error: unknown): { readonly type: 'failed'; readonly reason: string } {
  return { type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
