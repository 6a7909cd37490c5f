import { execFileSync } from 'node:child_process'
import { addExtension } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { messagePackCodec } from './index.ts'
import { bytesOf, encode, thrownBy } from './values.fixture.ts'

/** Runs a module in a process of its own, and gives back what it printed. */
function run(options: string[], program: string): string {
  const all = [
    ...options,
    '--conditions=@holdfast/source',
    '--input-type=module-typescript',
    '--eval',
    program,
  ]
  return execFileSync(process.execPath, all, { cwd: import.meta.dirname, encoding: 'utf8' })
}

const ROUND_TRIP = `
  import { MAX_DEPTH, messagePackCodec } from '@holdfast/codec'
  const values = Array.from({ length: 100 }, (_, id) => ({ id, name: 'x', 'odd name': [\`\\ufeff\${'x'.repeat(70)}\`] }))
  let deep: unknown = null
  for (let level = 0; level < MAX_DEPTH; level++) deep = new Set([deep])
  const encoder = messagePackCodec.encoder()
  for (const value of [...values, deep]) encoder.add(value)
  const bytes = Buffer.alloc(encoder.bytes)
  encoder.copyTo(bytes, 0)
  console.log(JSON.stringify(messagePackCodec.decode(bytes, 101).slice(0, 100)) === JSON.stringify(values), bytes.length)
`

describe('in whatever process it runs', () => {
  const expected = run([], ROUND_TRIP)

  it('works at all', () => {
    expect(expected).toMatch(/^true \d+\n$/)
  })

  it('works where no code may be made of strings', () => {
    const options = ['--disallow-code-generation-from-strings']
    expect(
      run(options, `try { new Function('return 1'); console.log('allowed') } catch {}\n${ROUND_TRIP}`),
    ).toBe(expected)
  })

  it("works where the application has msgpackr's native addon loaded", () => {
    expect(run([], `await import('msgpackr')\n${ROUND_TRIP}`)).toBe(expected)
  })

  it('works as deep as it says on less than half of the usual stack', () => {
    expect(run(['--stack-size=400'], ROUND_TRIP)).toBe(expected)
  })

  it('refuses what the application taught msgpackr to write in its own way, instead of making it durable', () => {
    class Point {
      readonly x = 1
    }
    // For the whole process, and so for this test file, which has a process of its own.
    addExtension({ Class: Point, type: 1, pack: () => Buffer.of(1), unpack: () => new Point() })
    addExtension({ Class: Date, type: 2, pack: () => Buffer.of(2), unpack: () => new Date(0) })
    const encoder = messagePackCodec.encoder()
    encoder.add({ id: 1 })
    expect(() => encoder.add(new Point())).toThrow('is an instance of Point')
    const error = thrownBy(() => encoder.add({ at: new Date(5) }))
    expect(error).toMatchObject({
      code: 'NOT_SERIALIZABLE',
      details: { at: '$.at', reason: 'is of a class that msgpackr was taught to write in another way' },
    })
    expect(messagePackCodec.decode(bytesOf(encoder), 1)).toStrictEqual([{ id: 1 }])
    const values = [new Map([[1, new Set(['x'])]]), Uint8Array.of(1), 5n]
    expect(messagePackCodec.decode(encode(messagePackCodec, values), 3)).toStrictEqual(values)
  })
})
