import { messagePackCodec } from '@holdfast/codec'
import type { Machine } from 'holdfast'

/** A value as it comes back from its bytes. */
export function copyOf<T>(value: T): T {
  const encoder = messagePackCodec.encoder()
  encoder.add(value)
  const bytes = Buffer.alloc(encoder.bytes)
  encoder.copyTo(bytes, 0)
  return messagePackCodec.decode(bytes, 1)[0] as T
}

/** A state as it comes back from a snapshot. */
export async function restored<State extends object>(machine: Machine<State>, state: State): Promise<State> {
  if (machine.entries === undefined || machine.restore === undefined) return copyOf(state)
  return machine.restore(copies(machine.entries(state)))
}

async function* copies(entries: Iterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  // `entries` runs to its end before anything is restored, as it does for a snapshot.
  for (const entry of [...entries].map(copyOf)) yield entry
}
