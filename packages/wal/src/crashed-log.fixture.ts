import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { openHarness, segmentsOf, text, turns } from './log-harness.fixture.ts'

/** A store whose process died: batches 1 to `count`, the last of them not proven. */
export async function crashed(count = 5): Promise<{ files: MemoryFileSystem; path: string; ends: number[] }> {
  const environment = memoryEnvironment()
  const store = await openHarness(environment, { segmentBytes: 1024 * 1024, syncIntervalMs: 60_000 })
  const ends: number[] = []
  for (let i = 1; i <= count; i++) {
    await store.append(text(i, 100))
    await turns(3)
    ends.push(512 + i * 152)
  }
  const files = MemoryFileSystem.of(environment.files.snapshot())
  await store.close()
  return { files, path: segmentsOf(files)[0] as string, ends }
}

export function edit(files: MemoryFileSystem, path: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = files.snapshot().get(path) as Buffer
  files.put(path, change(bytes) ?? bytes)
}
