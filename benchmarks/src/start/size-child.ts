// What a package takes on the disk once it is installed, with everything that comes with it.
import { answer } from '../answer.ts'
import { installedSize } from './installed-size.ts'

await answer(({ installs }: { readonly installs: string }) => Promise.resolve(installedSize(installs)))
