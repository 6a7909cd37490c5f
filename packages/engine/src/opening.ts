import { type Environment, HoldfastError } from '@holdfast/environment'
import { checkOpening } from './check-opening.ts'
import type { AnyMachine } from './machine.ts'
import { loadMachine } from './machine-module.ts'
import { type OpenOptions, type OpenSettings, openSettings } from './open-options.ts'
import type { SnapshotMode } from './snapshot-source.ts'
import { snapshotTask } from './snapshot-task.ts'

/** What a store is opened with. */
export interface Opening {
  readonly machine: AnyMachine
  /** Where threads find it. */
  readonly module: URL | undefined
  readonly mode: SnapshotMode
  readonly settings: OpenSettings
}

/** Everything that can be checked before anything is touched. Throws `INVALID_ARGUMENT`. */
export async function openingOf(
  path: string,
  given: AnyMachine | URL,
  options: OpenOptions,
): Promise<Opening> {
  if (!isUrl(given)) {
    checkOpening(path, given)
    const settings = openSettings(options)
    return { machine: given, module: undefined, mode: modeOf(settings, given, undefined), settings }
  }
  const module = new URL(given.href)
  void snapshotTask.module
  const { environment } = openSettings(options)
  const { workers }: Partial<Environment> = environment
  if (workers === undefined) {
    throw invalid('environment', 'a store that is opened with a module needs an environment with workers')
  }
  const { machine, codec } = await loadMachine(module, environment)
  checkOpening(path, machine)
  if (options.codec !== undefined && options.codec !== codec) {
    throw invalid('codec', 'a store that is opened with a module has the codec that this exports as `codec`')
  }
  const settings = openSettings(codec === undefined ? options : { ...options, codec })
  return { machine, module, mode: modeOf(settings, machine, module), settings }
}

/** One of another realm is no `instanceof URL`. */
function isUrl(given: AnyMachine | URL): given is URL {
  return given instanceof URL || typeof (given as Partial<URL> | undefined)?.href === 'string'
}

function modeOf(
  { policy: { mode } }: OpenSettings,
  { capture }: AnyMachine,
  module: URL | undefined,
): SnapshotMode {
  if (mode === 'captured' && capture === undefined) {
    throw invalid('snapshot.mode', 'snapshot.mode captured needs a machine with `capture`')
  }
  if (mode === 'worker' && module === undefined) {
    throw invalid(
      'snapshot.mode',
      "snapshot.mode worker needs the machine's module: open(path, new URL('./machine.js', import.meta.url))",
    )
  }
  if (mode !== undefined) return mode
  if (capture !== undefined) return 'captured'
  return module === undefined ? 'blocking' : 'worker'
}

function invalid(option: string, what: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', what, { details: { option } })
}
