// A store as version 1 of the format has it. write-golden.fixture.ts wrote it.
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import type { LoggedCommand } from './commands.ts'
import { defineMachine, type Machine } from './machine.ts'
import { open } from './open.ts'
import { Refusal } from './refusal.ts'
import type { TypesOfFunctions } from './commands.ts'

export const goldenPath: string = `${import.meta.dirname}/../golden/format-1`

export interface Shop {
  readonly stock: Map<string, number>
  readonly sold: { readonly name: string; readonly count: number; readonly time: number }[]
  readonly currency: string
}

const commands = {
  order(state: Shop, { name, count }: { name: string; count: number }): number {
    const total = (state.stock.get(name) ?? 0) + count
    state.stock.set(name, total)
    return total
  },
  sell(state: Shop, { name, count }: { name: string; count: number }, { time }: { time: number }): void {
    const left = (state.stock.get(name) ?? 0) - count
    if (left < 0) throw new Refusal('SOLD_OUT', { name })
    state.stock.set(name, left)
    state.sold.push({ name, count, time })
  },
}

type ShopMachine = Machine<Shop, TypesOfFunctions<typeof commands>>

/** Version 1 knew dozens, version 2 counts. */
export const shop1: ShopMachine = defineMachine({
  version: 1,
  initial: (): Shop => ({ stock: new Map(), sold: [], currency: 'DEM' }),
  commands,
})
export const shop2: ShopMachine = defineMachine({
  version: 2,
  initial: (): Shop => ({ stock: new Map(), sold: [], currency: 'EUR' }),
  commands,
  upgrade: {
    command([name, argument]: LoggedCommand): LoggedCommand {
      const { count, ...rest } = argument as { name: string; count: number }
      return [name, { ...rest, count: count * 12 }]
    },
    state(old: unknown): Shop {
      const { stock, sold } = old as Shop
      return {
        stock: new Map([...stock].map(([name, count]) => [name, count * 12])),
        sold: sold.map((sale) => ({ ...sale, count: sale.count * 12 })),
        currency: 'EUR',
      }
    },
  },
})

export const STORE = '/store'

/** The files of the store: refusals, both levels, a group, a snapshot of each version; its process died. */
export async function writeGolden(): Promise<Map<string, Buffer>> {
  const environment = memoryEnvironment(new MemoryFileSystem(), 7)
  const options = { environment, segmentBytes: 4096, syncIntervalMs: 60_000, snapshot: { keep: 4 } }
  const first = await open(STORE, shop1, options)
  await first.execute('order', { name: 'bolts', count: 3 })
  environment.clock.advance(1000)
  await first.execute('sell', { name: 'bolts', count: 5 }).catch(() => {})
  await first.executeAll([
    ['order', { name: 'nuts', count: 2 }],
    ['sell', { name: 'washers', count: 1 }],
    ['sell', { name: 'nuts', count: 1 }],
  ])
  await first.snapshot()
  environment.clock.advance(1000)
  await first.execute('order', { name: 'bolts', count: 1 }, { durability: 'os' })
  await first.execute('sell', { name: 'bolts', count: 2 })
  await first.close()
  const second = await open(STORE, shop2, options)
  await second.snapshot() // the one that a new version owes
  environment.clock.advance(1000)
  await second.execute('order', { name: 'screws', count: 100 })
  await second.execute('sell', { name: 'screws', count: 101 }).catch(() => {})
  await second.execute('sell', { name: 'screws', count: 1 })
  const files = environment.files.snapshot()
  await second.close()
  files.delete(`${STORE}/LOCK`)
  return new Map([...files].map(([path, bytes]) => [path.slice(STORE.length), bytes]))
}
