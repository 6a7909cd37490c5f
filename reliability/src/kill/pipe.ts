import { writeSync } from 'node:fs'

/**
 * Where acknowledgements go: little-endian 64-bit floats, so that no kill leaves half of one. A sequence is an
 * acknowledgement; zero and less says what begins.
 */
export const ACKNOWLEDGEMENT_PIPE = 4
export const ACKNOWLEDGEMENT_BYTES = 8

export function tell(number: number): void {
  const bytes = Buffer.alloc(ACKNOWLEDGEMENT_BYTES)
  bytes.writeDoubleLE(number)
  writeSync(ACKNOWLEDGEMENT_PIPE, bytes)
}
