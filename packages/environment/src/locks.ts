/** Locks that say who writes to a directory. */
export interface Locks {
  /**
   * Takes the lock that this file stands for, without waiting; the file is made if it isn't there.
   *
   * A second `acquire` of the same file is refused wherever it comes from, this process included. When
   * the process that holds a lock dies, the lock is free, without anyone's help.
   *
   * Throws `LOCKED` (a `LockedError`, with `pid`, `host` and `since` as far as they are known) where another
   * holds it, and `LOCK_UNAVAILABLE` where no lock can be had at all.
   */
  acquire(path: string): Promise<DirectoryLock>
}

/** A lock that is held. */
export interface DirectoryLock {
  /** Gives it up. A second call does nothing. */
  release(): Promise<void>
}

/** Who holds a lock, as the holder wrote it down. Only for people: nothing is decided by it. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  /** When the lock was taken, ISO 8601. */
  readonly since: string
}
