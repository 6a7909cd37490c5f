import type { Bug } from '../bug.ts'

const READER = 'packages/codec/src/message-reader.ts'
const WRITER = 'packages/codec/src/message-writer.ts'

/** Values to bytes and back. */
export const CODEC_BUGS: readonly Bug[] = [
  {
    name: 'values may be nested to any depth when they are read',
    rows: [22],
    file: READER,
    find: 'if (depth === MAX_DEPTH) throw decodeFailed(`more than ${MAX_DEPTH} containers deep`, at)',
    replace: '',
    killedBy: { harness: 'fuzzed codec', seed: 3 },
  },
  {
    name: 'bytes behind the last value are ignored',
    rows: [17, 'I4'],
    file: READER,
    find: "if (at !== end) throw decodeFailed('the bytes do not end with the last value', at)",
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/codec/src/message-reader.test.ts',
      test: 'a value too many',
    },
  },
  {
    name: 'the structures that a refused value defined stay defined',
    rows: ['I2'],
    file: WRITER,
    find: 'this.#structures.keep(structures)',
    replace: '',
    killedBy: { harness: 'tests', file: 'packages/codec/src/message-pack-encoder.test.ts' },
  },
  {
    name: 'a structure is taken for another that begins with the same names',
    rows: ['I2'],
    file: WRITER,
    find: 'if (isKnown && step.id !== 0 && seen === count)',
    replace: 'if (step.id !== 0)',
    killedBy: { harness: 'tests', file: 'packages/codec/src/message-pack-codec.test.ts' },
  },
  {
    name: 'the structures of one frame are known to the next',
    rows: ['I2'],
    file: READER,
    find: 'structures.length = 0',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/codec/src/message-reader.test.ts',
      test: 'leaves nothing behind for the next',
    },
  },
  {
    name: 'what does not come back exactly is taken',
    rows: ['I2'],
    file: WRITER,
    find: 'if (value === 0 && Object.is(value, -0)) throw',
    replace: 'if (value === 1 && Object.is(value, -0)) throw',
    killedBy: { harness: 'tests', file: 'packages/codec/src/assert-serializable.test.ts' },
  },
]
