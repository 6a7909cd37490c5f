import type { File } from './file-system.ts'
import { type ProcessIdentity, parseIdentity } from './process-identity.ts'
import { readAll, writeAll } from './transfer.ts'

/** The text always fills this many bytes, with spaces: a shorter one leaves nothing of a longer one behind. */
const TEXT_BYTES = 1024

/** Writes down who holds the lock; `undefined` says nobody. In place: the file must stay the one that is locked. */
export async function writeLockText(file: File, holder: ProcessIdentity | undefined): Promise<void> {
  const text = holder === undefined ? '' : JSON.stringify(holder)
  const bytes = Buffer.alloc(TEXT_BYTES, ' ')
  bytes.write(text)
  bytes[TEXT_BYTES - 1] = 0x0a
  await writeAll(file, bytes, 0)
}

/** Who holds the lock, if that can be read. */
export async function readLockText(file: Pick<File, 'read'>): Promise<ProcessIdentity | undefined> {
  const bytes = Buffer.alloc(TEXT_BYTES)
  const count = await readAll(file, bytes, 0)
  return parseIdentity(bytes.toString('utf8', 0, count))
}
