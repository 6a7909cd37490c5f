/** One point of what is measured: how many callers, and how large a command. */
export interface CommitCell {
  readonly inFlight: number
  /** A command as JSON, about. */
  readonly bytes: number
}

const IN_FLIGHT = [1, 16, 256, 4096]
const KIB = 1024
const MIB = 1024 * KIB
export const SIZES: readonly number[] = [100, KIB, 16 * KIB, MIB]
/** What is issued and not yet acknowledged has to fit into memory more than once. */
const IN_FLIGHT_MAX_BYTES = 64 * MIB

export const COMMIT_CELLS: readonly CommitCell[] = SIZES.flatMap((bytes) =>
  IN_FLIGHT.filter((inFlight) => inFlight * bytes <= IN_FLIGHT_MAX_BYTES).map((inFlight) => ({
    inFlight,
    bytes,
  })),
)

/** What of a batch is written at once at most, where something writes all that is in flight as one. */
export const BATCH_MAX_BYTES: number = 16 * MIB

/** `16 KB` as a person says it. */
export function sizeName(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`
  return bytes < MIB ? `${bytes / KIB} KB` : `${bytes / MIB} MB`
}

export function commitCellId({ inFlight, bytes }: CommitCell): string {
  return `${inFlight} in flight × ${sizeName(bytes)}`
}
