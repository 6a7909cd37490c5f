import type * as Msgpackr from 'msgpackr'
import * as pack from 'msgpackr/pack'

/**
 * Without the native addon, an optional dependency that only decoding uses. This entry's own declarations don't
 * resolve; the main entry's say the same.
 */
const msgpackr: typeof Msgpackr = pack as unknown as typeof Msgpackr

export const Packr: typeof Msgpackr.Packr = msgpackr.Packr
export const REUSE_BUFFER_MODE: number = msgpackr.REUSE_BUFFER_MODE
export const RESET_BUFFER_MODE: number = msgpackr.RESET_BUFFER_MODE
