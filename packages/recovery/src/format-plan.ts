import type { RecoveryPlan } from './recovery-plan.ts'

/** A plan in words, for people: what is brought back, from where, what is left, and why. */
export function formatPlan(plan: RecoveryPlan): string {
  const { snapshot, setAside, log, replay, refusal } = plan
  const lines: string[] = []
  if (refusal === undefined) lines.push(`Opens with everything up to sequence ${count(plan.lastSeq)}.`)
  else lines.push(`Must not be opened: ${refusal.message}`, 'What was found before that:')
  lines.push(
    snapshot === undefined
      ? 'Snapshot: none is used; the log is replayed from sequence 1.'
      : `Snapshot: ${snapshot.path}, up to sequence ${count(snapshot.seq)}, ${bytes(snapshot.bytes)}, machine version ${snapshot.machineVersion}.`,
  )
  for (const { path, error } of setAside) lines.push(`  Set aside: ${path}: ${error.message}`)
  lines.push(
    replay.records === 0
      ? 'Replay: nothing behind it in the log.'
      : `Replay: ${count(replay.records)} records in ${count(replay.batches)} batches from sequence ${count(replay.firstSeq)} on, ${bytes(replay.bytes)}.`,
    `Log: sequences ${count(log.firstSeq)} to ${count(log.lastSeq)}; durable at least to ${count(log.provenSeq)} (${log.provenBy}).`,
  )
  for (const segment of log.segments) {
    const held =
      segment.lastSeq < segment.firstSeq
        ? 'no sequence'
        : `${count(segment.firstSeq)} to ${count(segment.lastSeq)}`
    const behind = segment.bytes - segment.countedBytes
    lines.push(
      `  ${segment.path}: ${held}, ${segment.read ? `${bytes(segment.countedBytes)} read` : 'covered by the snapshot, not read'}` +
        `${segment.read && behind > 0 ? `, ${bytes(behind)} behind its last batch` : ''}.`,
    )
  }
  if (log.survivors !== undefined) {
    const { firstSeq, lastSeq } = log.survivors
    lines.push(
      `Survivors: ${count(firstSeq)} to ${count(lastSeq)} are readable, and nothing proves that they are durable: opening writes them again, to a new segment.`,
    )
  }
  if (log.tail !== undefined) {
    lines.push(
      `Torn tail: ${bytes(log.tail.bytes)} at ${log.tail.path}, offset ${log.tail.offset} (${log.tail.reason}): no evidence says that they were durable. They are not replayed, and stay where they are until retention.`,
    )
  }
  for (const { path, reason, remove } of log.ignored)
    lines.push(`Ignored: ${path}: ${reason}${remove ? '; opening removes it' : ''}.`)
  return lines.join('\n')
}

const numbers = new Intl.NumberFormat('en-US')

function count(value: number): string {
  return numbers.format(value)
}

function bytes(value: number): string {
  if (value < 1024) return `${value} bytes`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let scaled = value / 1024
  let unit = 0
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024
    unit += 1
  }
  return `${scaled.toFixed(1)} ${units[unit]}`
}
