import { encodeFrame } from '@holdfast/framing'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { expect } from 'vitest'
import { codeOf, filesOf, openHarness, segmentsOf, STORE, text, turns } from './log-harness.fixture.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import { readManifest } from './store-directory.ts'

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

/** A store with the segments [1-3], [4-6], [7-9] and [10], of one batch for each sequence; closed. */
export async function closed(): Promise<{ files: MemoryFileSystem; paths: string[]; manifest: Manifest }> {
  const environment = memoryEnvironment()
  const { files } = environment
  const store = await openHarness(environment, { segmentBytes: 4096 })
  for (let i = 1; i <= 10; i++) await store.append(text(i, 900))
  await store.close()
  const manifest = (await readManifest(environment, STORE)) as Manifest
  return { files, paths: segmentsOf(files), manifest }
}

export function edit(files: MemoryFileSystem, path: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = files.snapshot().get(path) as Buffer
  files.put(path, change(bytes) ?? bytes)
}

/** The seed of what stands behind a segment's header. */
export const saltOf = (segment: Buffer): number => segment.readUInt32LE(28)

/** The frame at an offset, in its place with another payload under right checksums. */
export function reframe(
  bytes: Buffer,
  offset: number,
  seed: number,
  change: (payload: Buffer) => Buffer | void,
): void {
  const length = bytes.readUInt32LE(offset + 4)
  const payload = Buffer.from(bytes.subarray(offset + 16, offset + 16 + length))
  encodeFrame({ kind: bytes.readUInt8(offset + 1), payload: change(payload) ?? payload }, seed).copy(
    bytes,
    offset,
  )
}

export function putManifest(files: MemoryFileSystem, manifest: Manifest): void {
  files.put(`${STORE}/MANIFEST`, encodeManifest(manifest, 7))
}

/** What opening the store is refused with. No byte of it may change. */
export async function refusal(files: MemoryFileSystem): Promise<unknown> {
  const before = filesOf(files)
  const error = await openHarness(memoryEnvironment(files)).catch((refused: unknown) => refused)
  expect(codeOf(error)).toBeDefined()
  expect(filesOf(files)).toEqual(before)
  return error
}
