import { readFile } from 'node:fs/promises'
import { messagePackCodec } from '@holdfast/codec'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { FileSnapshotReader } from './file-reader.ts'
import { parseSnapshotName } from './file-name.ts'
import { withFile } from './memory-files.fixture.ts'
import { SnapshotDirectory, type SnapshotDirectoryOptions } from './snapshot-directory.ts'
import type { SnapshotEntry, SnapshotStore } from './snapshot-store.ts'

export const subject = { seq: 7, time: 1_700_000_000_000, machineVersion: 1, epoch: 2 } as const

export async function publish(store: SnapshotStore, values: Iterable<unknown>, seq: number = subject.seq) {
  const writer = await store.create({ ...subject, seq })
  await writer.writeAll(values)
  return writer.close()
}

export async function restore(store: SnapshotStore, entry: SnapshotEntry): Promise<unknown[]> {
  const reader = await store.open(entry)
  try {
    const values: unknown[] = []
    for await (const batch of reader.batches()) values.push(...batch)
    return values
  } finally {
    await reader.close()
  }
}

/** A snapshot of these values as it stands in its file. */
export interface StoredSnapshot {
  readonly name: string
  readonly bytes: Buffer
  readonly storeId: Uint8Array
}

export async function storedSnapshot(
  values: Iterable<unknown>,
  options: SnapshotDirectoryOptions = {},
): Promise<StoredSnapshot> {
  const directory = await temporaryDirectory()
  try {
    const store = await SnapshotDirectory.open(directory.path, options)
    const { path, name } = await publish(store, values)
    return { name, bytes: await readFile(path), storeId: store.storeId }
  } finally {
    await directory.remove()
  }
}

/** Opens bytes as the file of that name. */
export function openBytes(bytes: Buffer, name: string, storeId?: Uint8Array): Promise<FileSnapshotReader> {
  const parsed = parseSnapshotName(name) as { seq: number; id: number }
  const entry = { ...parsed, name, path: `/memory/${name}`, bytes: bytes.length }
  return FileSnapshotReader.open(entry, { environment: withFile(bytes), storeId, codec: messagePackCodec })
}

/** Reads bytes as the file of that name: its values, or the error. */
export async function readBytes(bytes: Buffer, name: string, storeId?: Uint8Array): Promise<unknown[]> {
  const reader = await openBytes(bytes, name, storeId)
  const values: unknown[] = []
  for await (const batch of reader.batches()) values.push(...batch)
  return values
}

/** The code of the error that this ends with; `undefined` if it ends well. */
export function codeOf(run: Promise<unknown>): Promise<unknown> {
  return run.then(
    () => undefined,
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  )
}
