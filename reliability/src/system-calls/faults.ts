// What can be done to a system call, and what must come of it.

/** One thing that is done to the nth call of a kind. */
export interface Fault {
  readonly call: string
  readonly how: How
  /** Which call of its kind, from 1 on, counted in the thread that makes it. */
  readonly nth: number
}

export type How =
  /** The call is not made, and fails with this errno: once, or from here on. */
  | { readonly fail: string; readonly times: 'once' | 'on' }
  /** It says that it has done nothing, and no error. */
  | { readonly nothing: true }
  /** It does a part. */
  | { readonly short: true }
  | { readonly delayMs: number }
  /** The process is killed as it begins the call. */
  | { readonly kill: true }

/** The calls on a store's files, and the words of each fault in `howOf`. */
const ON_CALL: Readonly<Record<string, string>> = {
  openat: 'EIO EMFILE ENFILE ENOSPC EACCES EROFS EINTR EIO+ EMFILE+ kill',
  pread64: 'EIO EINTR EAGAIN EIO+ short delay kill',
  read: 'EIO',
  pwrite64: 'EIO ENOSPC EDQUOT EFBIG EROFS EINTR EAGAIN EIO+ ENOSPC+ nothing short delay kill',
  fdatasync: 'EIO ENOSPC EDQUOT EROFS EINTR EIO+ ENOSPC+ delay kill',
  fsync: 'EIO ENOSPC EINTR EIO+ delay kill',
  rename: 'EIO ENOSPC EACCES EROFS EIO+ kill',
  unlink: 'EIO EACCES EROFS EIO+ kill',
  mkdir: 'EIO ENOSPC EDQUOT EACCES EROFS kill',
  ftruncate: 'EIO EROFS EINTR kill',
  statx: 'EIO EACCES EIO+',
  newfstatat: 'EIO EACCES',
  getdents64: 'EIO EIO+',
  close: 'EIO EINTR ENOSPC kill',
  fcntl: 'ENOLCK EIO EINTR EAGAIN kill',
}

export const CALLS: readonly string[] = Object.keys(ON_CALL)

const DELAY_MS = 150

export function faultsOn(call: string, nth: number): Fault[] {
  return (ON_CALL[call] ?? '').split(' ').map((word) => ({ call, nth, how: howOf(word) }))
}

export function howOf(word: string): How {
  switch (word) {
    case 'kill':
      return { kill: true }
    case 'nothing':
      return { nothing: true }
    case 'short':
      return { short: true }
    case 'delay':
      return { delayMs: DELAY_MS }
    default: {
      const on = word.endsWith('+')
      return { fail: on ? word.slice(0, -1) : word, times: on ? 'on' : 'once' }
    }
  }
}

/** As in the table above. */
export function wordOf(how: How): string {
  if ('fail' in how) return how.times === 'on' ? `${how.fail}+` : how.fail
  if ('delayMs' in how) return 'delay'
  if ('kill' in how) return 'kill'
  return 'nothing' in how ? 'nothing' : 'short'
}

/** As strace has it; `undefined` where the process does it to itself. */
export function injectionOf({ call, how, nth }: Fault): string | undefined {
  if ('fail' in how) return `${call}:error=${how.fail}:when=${nth}${how.times === 'on' ? '+' : ''}`
  if ('nothing' in how) return `${call}:retval=0:when=${nth}`
  if ('delayMs' in how) return `${call}:delay_enter=${how.delayMs * 1000}:when=${nth}`
  return 'kill' in how ? `${call}:signal=SIGKILL:when=${nth}` : undefined
}

/** Nobody may notice it. */
export function isHarmless({ how }: Fault): boolean {
  return 'short' in how || 'delayMs' in how
}

/** The errno that an error must have among its causes. */
export function errnoOfFault({ how }: Fault): string | undefined {
  if ('fail' in how) return how.fail
  // A write that takes nothing is taken for a full disk.
  return 'nothing' in how ? 'ENOSPC' : undefined
}
