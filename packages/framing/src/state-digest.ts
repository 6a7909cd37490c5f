import { createHash, type Hash } from 'node:crypto'

/** SHA-256 over content, in as many pieces as it comes in: how they are cut makes no difference. */
export class StateDigest {
  readonly #hash: Hash = createHash('sha256')

  /** More content. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** The digest in lower-case hexadecimal. Nothing can be added after it, and it is asked for once. */
  finish(): string {
    return this.#hash.digest('hex')
  }
}
