import { type GapError, HoldfastError, isHoldfastError } from '@holdfast/environment'
import { checkPin, type Log, MAX_PINS, type Pin, type PinOptions } from '@holdfast/wal'
import { assertOptions } from './no-option.ts'

const PIN_OPTIONS: readonly (keyof PinOptions)[] = ['owner', 'from', 'maxBytes']

/** Throws `INVALID_ARGUMENT` for an option that there is not. */
export function assertPinOptions(options: PinOptions): void {
  if (typeof options === 'object') assertOptions(options, PIN_OPTIONS)
}

/** With their defaults. Throws `INVALID_ARGUMENT`. */
export function checkPins(pins: readonly PinOptions[] = []): Required<PinOptions>[] {
  const given: unknown = pins
  if (!Array.isArray(given) || given.length > MAX_PINS) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `pins is a list of up to ${MAX_PINS} of { owner, from, maxBytes }`,
      {
        details: { option: 'pins' },
      },
    )
  }
  return pins.map((options) => {
    assertPinOptions(options)
    return checkPin(options)
  })
}

/** Pins what is still there. One who is late is no reason not to open: his pin is dropped from the start. */
export function pinAtOpening(log: Pick<Log<never, never>, 'pin'>, options: Required<PinOptions>): Pin {
  try {
    return log.pin(options)
  } catch (error) {
    if (!isHoldfastError(error, 'GAP')) throw error
    return new LostPin(options, error as GapError)
  }
}

/** What it was to keep had been trimmed before. */
class LostPin implements Pin {
  readonly owner: string
  readonly maxBytes: number
  readonly from: number
  readonly dropped: boolean = true
  readonly #gap: GapError

  constructor({ owner, from, maxBytes }: Required<PinOptions>, gap: GapError) {
    this.owner = owner
    this.maxBytes = maxBytes
    this.from = from
    this.#gap = gap
  }

  advance(): never {
    throw this.#gap
  }

  release(): void {}

  [Symbol.dispose](): void {}
}
