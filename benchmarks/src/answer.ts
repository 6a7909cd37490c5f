// The end of a run that is in the process of its own.
import type { Figures, Outcome } from './part.ts'
import type { Place } from './run-child.ts'

/** Thrown where the machine lacks what a run needs: told, and not counted as a failure. */
export class Skipped extends Error {}

/** Does what a run was started for, prints the line that it came to, and ends the process. */
export async function answer<Input>(run: (input: Input, place: Place) => Promise<Figures>): Promise<void> {
  const [, , input, place] = process.argv
  if (input === undefined || place === undefined) throw new Error('child.ts <input> <place>, as JSON')
  let outcome: Outcome
  try {
    outcome = { figures: await run(JSON.parse(input) as Input, JSON.parse(place) as Place) }
  } catch (error) {
    if (!(error instanceof Skipped)) throw error
    outcome = { skipped: error.message }
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit())
}
