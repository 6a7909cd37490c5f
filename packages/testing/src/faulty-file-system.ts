import type { Environment, File, FileStat, FileSystem, OpenMode } from '@holdfast/environment'
import { FaultyFile } from './faulty-file.ts'
import { type ActiveRule, type CallName, type CallRecord, type FaultRule, FaultSwitch } from './faults.ts'

/**
 * Any file system, with every call counted and written down, and with faults where rules ask for them.
 *
 * ```ts
 * const files = new FaultyFileSystem(nodeEnvironment.files)
 * files.fail({ on: 'sync', path: /\.wal$/, nth: 2, fault: { errno: 'EIO' } })
 * ```
 */
export class FaultyFileSystem implements FileSystem {
  readonly #base: FileSystem
  readonly #faults = new FaultSwitch()
  #openFiles = 0

  constructor(base: FileSystem, rules: readonly FaultRule[] = []) {
    this.#base = base
    for (const rule of rules) this.fail(rule)
  }

  /** Every call since the start or the last `clearLog`, in the order in which they were made. */
  get log(): readonly CallRecord[] {
    return this.#faults.log
  }

  /** How many files were opened and not closed again. */
  get openFiles(): number {
    return this.#openFiles
  }

  /** Adds a rule. Its counting starts here. */
  fail(rule: FaultRule): ActiveRule {
    return this.#faults.add(rule)
  }

  /** Takes all rules away. */
  clearRules(): void {
    this.#faults.clearRules()
  }

  /** Forgets the log, and starts counting calls from 0; rules go on counting. */
  clearLog(): void {
    this.#faults.clearLog()
  }

  /** How many calls of a kind were made, on paths that match. */
  count(call: CallName, path?: RegExp): number {
    return this.log.filter((record) => record.call === call && matches(record, path)).length
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    const file = await this.#faults.run({ call: 'open', path, mode }, () => this.#base.open(path, mode), {
      undo: (opened) => opened.close(),
    })
    this.#openFiles += 1
    return new FaultyFile(file, path, this.#faults, () => {
      this.#openFiles -= 1
    })
  }

  list(path: string): Promise<string[]> {
    return this.#faults.run({ call: 'list', path }, () => this.#base.list(path))
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#faults.run({ call: 'stat', path }, () => this.#base.stat(path))
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.#faults.run({ call: 'makeDirectory', path }, () => this.#base.makeDirectory(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#faults.run({ call: 'rename', path: from, to }, () => this.#base.rename(from, to))
  }

  unlink(path: string): Promise<void> {
    return this.#faults.run({ call: 'unlink', path }, () => this.#base.unlink(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#faults.run({ call: 'syncDirectory', path }, () => this.#base.syncDirectory(path))
  }
}

/** An environment whose file system is faulty; the rest is that of `base`. */
export function faultyEnvironment(
  base: Environment,
  rules: readonly FaultRule[] = [],
): Environment & { readonly files: FaultyFileSystem } {
  return { ...base, files: new FaultyFileSystem(base.files, rules) }
}

function matches(record: CallRecord, path: RegExp | undefined): boolean {
  return path === undefined || path.test(record.path) || (record.to !== undefined && path.test(record.to))
}
