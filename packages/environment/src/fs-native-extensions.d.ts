/** What is used of the package, which ships no types. */
declare module 'fs-native-extensions' {
  const extensions: {
    /** An exclusive lock on a range; `false` where another open file has it. */
    tryLock(descriptor: number, offset: number, length: number): boolean
    unlock(descriptor: number, offset: number, length: number): void
  }
  export default extensions
}
