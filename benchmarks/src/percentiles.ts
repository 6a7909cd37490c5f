import type { RecordableHistogram } from 'node:perf_hooks'
import type { Figures } from './part.ts'

/** Of latencies in nanoseconds, in microseconds. */
export function percentiles(latency: RecordableHistogram): Figures {
  return {
    p50Us: latency.percentile(50) / 1000,
    p99Us: latency.percentile(99) / 1000,
    p999Us: latency.percentile(99.9) / 1000,
    maxUs: latency.max / 1000,
  }
}
