import { defineMachine } from 'holdfast'
import { describe, expectTypeOf, it } from 'vitest'
import { type CommandOf, exploreCrashes } from '../index.ts'

const queue = defineMachine({
  version: 1,
  initial: () => ({ jobs: [] as number[] }),
  commands: {
    add: (state, id: number) => state.jobs.push(id),
    take: (state) => state.jobs.shift(),
  },
})

describe('CommandOf', () => {
  it('is what exploreCrashes takes', () => {
    const commands: CommandOf<typeof queue>[] = [['add', 1], ['take']]
    expectTypeOf(exploreCrashes(queue, commands)).resolves.toHaveProperty('recoveries')
    expectTypeOf<['add', string]>().not.toExtend<CommandOf<typeof queue>>()
    expectTypeOf<['drop']>().not.toExtend<CommandOf<typeof queue>>()
  })
})
