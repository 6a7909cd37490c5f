// A promise for each command, all of a turn applied and resolved in the next: what any interface of this shape
// costs, whatever it does with the commands.
import type { Codec } from '@holdfast/codec'
import { commitMachine } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'

type Logged = Parameters<typeof commitMachine.apply>[1]

export function open({ commands }: CommitPlace, codec?: Codec<Logged>): Promise<CommitContender> {
  const { make, name } = commands
  const state = commitMachine.initial()
  const encoder = codec?.encoder()
  let waiting: ((result: unknown) => void)[] = []
  let held: Logged[] = []
  let seq = 0

  function taken(): Logged[] {
    const values = held
    held = []
    if (codec === undefined || encoder === undefined) return values
    const bytes = Buffer.allocUnsafe(encoder.bytes)
    encoder.copyTo(bytes, 0)
    const decoded = codec.decode(bytes, encoder.count)
    encoder.reset()
    return decoded
  }

  function apply(): void {
    const resolves = waiting
    waiting = []
    for (const [i, command] of taken().entries())
      resolves[i]?.(commitMachine.apply(state, command, { seq: ++seq, time: 0 }))
  }

  return Promise.resolve({
    commit: (index) =>
      new Promise((resolve) => {
        const command = [name, make(index)] as Logged
        if (encoder === undefined) held.push(command)
        else encoder.add(command)
        if (waiting.push(resolve) === 1) setImmediate(apply)
      }),
    async close() {},
  })
}
