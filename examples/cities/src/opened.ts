import type { RecoveryReport } from 'holdfast'

/** What a start found: the figures of `store.report` that the table shows. */
export interface Opened {
  /** The last command that was brought back. */
  readonly seq: number
  readonly ms: number
  /** Bytes of a write that was cut in two. */
  readonly setAsideBytes: number
  /** Commands that could be read, and that nothing proved durable: written and synced once more. */
  readonly rewritten: number
}

export function openedBy({ report }: { readonly report: RecoveryReport }): Opened {
  const { survivors, tail } = report.log
  return {
    seq: report.lastSeq,
    ms: report.ms,
    setAsideBytes: tail?.bytes ?? 0,
    rewritten: survivors === undefined ? 0 : survivors.lastSeq - survivors.firstSeq + 1,
  }
}
