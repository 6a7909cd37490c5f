import type { Codec } from '@holdfast/codec'
import { type Environment, HoldfastError } from '@holdfast/environment'
import type { AnyMachine } from './machine.ts'

/** What a machine's module exports. */
export interface MachineModule {
  readonly machine: AnyMachine
  /** The codec of its stores, where it is not the default one. */
  readonly codec: Codec<unknown> | undefined
}

/**
 * Imports the module of a machine: `export default defineMachine(…)`, and `export const codec` where its stores have one
 * of their own. Throws `INVALID_ARGUMENT`.
 */
export async function loadMachine(module: URL, { workers }: Environment): Promise<MachineModule> {
  const exported = await workers.load(module).catch((cause: unknown) => {
    throw new HoldfastError('INVALID_ARGUMENT', 'the module of the machine cannot be imported', {
      path: module.href,
      cause,
    })
  })
  const machine = exported['default'] as AnyMachine | undefined
  if (typeof machine?.initial !== 'function' || typeof machine.apply !== 'function') {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      'the module of the machine has no machine as its default export',
      {
        path: module.href,
      },
    )
  }
  return { machine, codec: exported['codec'] as Codec<unknown> | undefined }
}
