import type { Environment } from '@holdfast/environment'

/** Lets the event loop come round once: timers, I/O and whoever waits for them. */
export function turn(environment: Environment): Promise<void> {
  return new Promise((resolve) => {
    environment.timers.turn(resolve)
  })
}
