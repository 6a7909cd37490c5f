/** Up to here, a string of so many characters as arguments beats a call into native code: a half to two thirds of its time. */
export const SHORT_TEXT_BYTES = 24

type ShortText = (bytes: Uint8Array, start: number, length: number) => string

/** The text of up to `SHORT_TEXT_BYTES` bytes of ASCII that stands there. */
export const shortText: ShortText = compiled() ?? nativeText

/**
 * One call for each length: put together of pieces, a string has to be made flat before a Map can look it up.
 * `undefined` where making code of strings is switched off (`--disallow-code-generation-from-strings`).
 */
function compiled(): ShortText | undefined {
  const cases = Array.from({ length: SHORT_TEXT_BYTES }, (_, index) => {
    const units = Array.from({ length: index + 1 }, (_, at) => `bytes[start+${at}]`)
    return `case ${index + 1}:return String.fromCharCode(${units.join(',')});`
  })
  try {
    // Nothing of a caller's stands in it.
    // oxlint-disable-next-line typescript/no-implied-eval
    return new Function(
      'bytes',
      'start',
      'length',
      `switch(length){${cases.join('')}default:return ''}`,
    ) as ShortText
  } catch {
    return undefined
  }
}

function nativeText(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1')
}
