// What strace wrote of a thread: its calls on files, in their order.

/** One system call as it was made. */
export interface TracedCall {
  readonly name: string
  /** What it was about, as far as it says: the file of its descriptor, or the first path. */
  readonly path: string
  readonly descriptor: number | undefined
  readonly failed: boolean
  /** strace made it come out as it did. */
  readonly injected: boolean
  /** What the process was about to do, by the last mark that it left. */
  readonly during: string
  /** Of its name, from 1 on. */
  readonly nth: number
  readonly line: string
}

const CALL = /^(?:\d+ +)?(\w+)\((.*)$/
const DESCRIPTOR = /^(\d+)<([^>]*)>/
const QUOTED = /"([^"]*)"/
const MARK = /^\/at\//

export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = []
  const counts = new Map<string, number>()
  let during = ''
  for (const line of text.split('\n')) {
    const [, name, rest] = CALL.exec(line) ?? []
    if (name === undefined || rest === undefined) continue
    const [, descriptor, open] = DESCRIPTOR.exec(rest) ?? []
    const path = open ?? QUOTED.exec(rest)?.[1] ?? ''
    if (MARK.test(path)) {
      during = path.replace(MARK, '')
      continue
    }
    const nth = (counts.get(name) ?? 0) + 1
    counts.set(name, nth)
    calls.push({
      name,
      path,
      descriptor: descriptor === undefined ? undefined : Number(descriptor),
      failed: / = (-1|\?)/.test(rest),
      injected: /\((INJECTED|DELAYED)\)/.test(rest),
      during,
      nth,
      line,
    })
  }
  return calls
}

/** What a path is to the store. */
export function roleOf(path: string, directory: string): string {
  if (path.startsWith('/proc/')) return 'process'
  const inBackup = path.startsWith(`${directory}-backup`)
  const root = inBackup ? `${directory}-backup` : directory
  const name = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path === root ? '' : undefined
  if (name === undefined) return 'parent'
  const role = roleInStore(name)
  return inBackup ? `backup ${role}` : role
}

function roleInStore(name: string): string {
  if (name === '') return 'directory'
  if (name === 'wal' || name === 'snapshots') return `${name}/`
  const temporary = name.endsWith('.tmp') ? 'temporary ' : ''
  if (name.startsWith('LOCK')) return name
  if (name.startsWith('MANIFEST')) return `${temporary}manifest`
  if (name.startsWith('snapshots/')) return `${temporary}snapshot`
  return name.startsWith('wal/00000000000000000000-') ? 'prepared segment' : `${temporary}segment`
}

/** Calls that change what is in a directory. */
const CHANGING = new Set(['pwrite64', 'rename', 'unlink', 'mkdir', 'ftruncate'])

/** Whether the open that was under way at a call had already changed something in the store, beside its lock. */
export function hadChanged(calls: readonly TracedCall[], at: TracedCall): boolean {
  for (let i = calls.indexOf(at) - 1; i >= 0 && calls[i]?.during === at.during; i -= 1) {
    const call = calls[i] as TracedCall
    const changes = CHANGING.has(call.name) || (call.name === 'openat' && call.line.includes('O_CREAT'))
    if (changes && !call.failed && !call.path.includes('/LOCK')) return true
  }
  return false
}

/** A file that was synced or written again after a sync of it had failed: the first of them, if there is one. */
export function touchedAfterFailedSync(calls: readonly TracedCall[]): TracedCall | undefined {
  const lost = new Set<string>()
  for (const call of calls) {
    // One that was interrupted has not been tried yet.
    const interrupted = call.line.includes(' EINTR ')
    if (call.name === 'fdatasync' && call.failed && call.injected && !interrupted) lost.add(call.path)
    else if ((call.name === 'fdatasync' || call.name === 'pwrite64') && lost.has(call.path)) return call
  }
  return undefined
}
