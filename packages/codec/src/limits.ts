/**
 * How many containers may stand inside each other, the same at encoding and at decoding. msgpackr calls itself
 * for each level and gives up between 1,000 and 2,000 levels of Map or Set on Node's default stack; this leaves
 * three quarters of it to the caller. Part of the format: raising it makes files that older readers refuse.
 */
export const MAX_DEPTH: number = 256

/** No value is larger than the largest payload of a frame: 256 MiB. Part of the format. */
export const MAX_VALUE_BYTES: number = 256 * 1024 * 1024
