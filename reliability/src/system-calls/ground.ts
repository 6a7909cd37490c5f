// Where trials run, and the store of a process that crashed, which some of them begin with.
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeEnvironment, temporaryName } from '@holdfast/environment'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { openReadOnly } from 'holdfast'
import { killMachine } from '../kill/workload.ts'
import { Subject } from './subject.ts'
import type { Told } from './told.ts'

export interface Ground {
  readonly path: string
  /** A store that a crash left behind, and what the process that died told. */
  readonly crashed: { readonly directory: string; readonly told: readonly Told[] }
  readonly compileCache: string
  readonly remove: () => Promise<void>
}

/** Half of a frame: what a power cut may leave behind the last batch. */
const TORN_BYTES = 512

export async function makeGround(): Promise<Ground> {
  const { path, remove } = await temporaryDirectory()
  const compileCache = join(path, 'compiled')
  const directory = join(path, 'crashed')
  await mkdir(compileCache)
  const subject = new Subject({ directory, scenario: 'crash', compileCache })
  await subject.ready()
  subject.go(() => Promise.resolve())
  const { told, signal } = await subject.end()
  if (signal !== 'SIGKILL') throw new Error('the process that was to crash did not')
  await tear(directory)
  await leaveTemporaries(directory)
  return { path, crashed: { directory, told }, compileCache, remove }
}

/** Puts the beginning of a frame behind what the newest segment holds. */
async function tear(directory: string): Promise<void> {
  const store = await openReadOnly(directory, killMachine)
  const { segments, survivors } = store.report.log
  await store.close()
  const path = segments.at(-1)?.path
  if (path === undefined || survivors === undefined)
    throw new Error('the store that crashed has no survivors')
  const bytes = await readFile(path)
  const end = Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 8) * 8
  const file = await open(path, 'r+')
  await file.write(bytes.subarray(TORN_BYTES, 2 * TORN_BYTES), 0, TORN_BYTES, end)
  await file.close()
  const torn = await openReadOnly(directory, killMachine)
  if (torn.report.log.tail === undefined) throw new Error('the store that crashed has no torn tail')
  await torn.close()
}

/** What writers leave that die before a rename. */
async function leaveTemporaries(directory: string): Promise<void> {
  const [snapshot = 'none'] = (await readdir(join(directory, 'snapshots'))).filter((name) =>
    name.endsWith('.snap'),
  )
  for (const name of ['MANIFEST', join('snapshots', snapshot)]) {
    await writeFile(temporaryName(join(directory, name), nodeEnvironment.random), 'half')
  }
}
