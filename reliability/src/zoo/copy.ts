import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { temporaryDirectory } from '@holdfast/testing/environment'
import type { Bug } from './bug.ts'

const REPOSITORY = join(import.meta.dirname, '../../..')
/** What a run of the harnesses and of the packages' tests needs. */
const COPIED = ['package.json', 'vitest.config.ts', 'tsconfig.base.json', 'packages', 'reliability'] as const
const LEFT_OUT: ReadonlySet<string> = new Set(['dist', 'node_modules', 'coverage'])

/**
 * A copy of the packages, in which bugs are planted. The libraries that they use are links to those of the
 * repository; the packages themselves are links to the copy, so that nothing in it leads out of it.
 */
export class Copy {
  readonly path: string
  /** Removes it. */
  readonly remove: () => Promise<void>
  #planted: { readonly path: string; readonly source: string } | undefined

  private constructor(path: string, remove: () => Promise<void>) {
    this.path = path
    this.remove = remove
  }

  static async make(): Promise<Copy> {
    const { path, remove } = await temporaryDirectory()
    for (const name of COPIED) {
      await cp(join(REPOSITORY, name), join(path, name), {
        recursive: true,
        filter: (source) => !LEFT_OUT.has(source.split(sep).at(-1) ?? ''),
      })
    }
    const modules = join(path, 'node_modules')
    await mkdir(join(modules, '@holdfast'), { recursive: true })
    for (const name of await readdir(join(REPOSITORY, 'node_modules'))) {
      if (name === '@holdfast' || name === 'holdfast' || name.startsWith('.')) continue
      await symlink(join(REPOSITORY, 'node_modules', name), join(modules, name))
    }
    for (const [folder, name] of await packagesOf(path)) {
      await symlink(join(path, 'packages', folder), join(modules, name))
    }
    return new Copy(path, remove)
  }

  /** Throws if what it would replace does not stand in the file, or stands there more than once. */
  async plant(bug: Bug): Promise<void> {
    if (this.#planted !== undefined) throw new Error('there is a bug in this copy already')
    const path = join(this.path, bug.file)
    const source = await readFile(path, 'utf8')
    await writeFile(path, withBug(source, bug))
    this.#planted = { path, source }
  }

  /** The copy is as it was made. */
  async heal(): Promise<void> {
    if (this.#planted === undefined) return
    await writeFile(this.#planted.path, this.#planted.source)
    this.#planted = undefined
  }
}

/** The source of a file with the bug in it. */
export function withBug(source: string, { name, file, find, replace }: Bug): string {
  const places = source.split(find).length - 1
  if (places !== 1) throw new Error(`'${name}' is stale: what it replaces stands ${places} times in ${file}`)
  return source.replace(find, () => replace)
}

/** The file of the repository that a bug is planted in, as it is now. */
export function sourceOf({ file }: Bug): Promise<string> {
  return readFile(join(REPOSITORY, file), 'utf8')
}

async function packagesOf(path: string): Promise<[folder: string, name: string][]> {
  const folders = await readdir(join(path, 'packages'))
  return Promise.all(
    folders.map(async (folder): Promise<[string, string]> => {
      const manifest = await readFile(join(path, 'packages', folder, 'package.json'), 'utf8')
      return [folder, (JSON.parse(manifest) as { name: string }).name]
    }),
  )
}
