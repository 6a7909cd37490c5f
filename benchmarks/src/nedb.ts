import nedb from '@seald-io/nedb'

/** Its types say that the class is the module's `default`; it is the module itself. */
export const Nedb = nedb as unknown as typeof nedb.default

export type Nedb = InstanceType<typeof Nedb>
