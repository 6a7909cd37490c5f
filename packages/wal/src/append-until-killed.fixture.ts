import { nodeEnvironment } from '@holdfast/environment'
import { openHarness, text } from './log-harness.fixture.ts'

/** Appends numbered records and tells the parent of each that was acknowledged, until it is killed. */
const store = await openHarness(nodeEnvironment, { segmentBytes: 4096 }, process.argv[2])
for (;;) {
  const seq = await store.append(text(store.log.lastSeq + 1, 300))
  process.send?.(seq)
}
