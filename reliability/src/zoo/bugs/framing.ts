import type { Bug } from '../bug.ts'

const JUDGE = 'packages/framing/src/judge-frame.ts'

/** Frames: what is taken for one, and what a search behind damage finds. */
export const FRAMING_BUGS: readonly Bug[] = [
  {
    name: 'the checksum of a payload is not checked',
    rows: [4, 17],
    file: JUDGE,
    find: 'if (payloadChecksum(payload, padding, rules.seed) !== expected) {',
    replace: 'if (payload.length < 0) {',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'the checksum of a header is not checked',
    rows: [4, 17],
    file: JUDGE,
    find: 'if (headerChecksum !== headerChecksumAt(bytes, at, rules.seed)) {',
    replace: 'if (headerChecksum < 0) {',
    killedBy: { harness: 'fuzzed frames', seed: 1 },
  },
  {
    name: 'the length of a frame is not bounded by what is left of the file',
    rows: [22],
    file: JUDGE,
    find: "if (total > left) return fault('truncated', offset, true, end)",
    replace: '',
    killedBy: { harness: 'fuzzed frames', seed: 1 },
  },
  {
    name: 'the length of a frame is not bounded by the format',
    rows: [22],
    file: JUDGE,
    find: "if (length > MAX_PAYLOAD_BYTES) return fault('length', offset, true)",
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/framing/src/judge-frame.test.ts',
      test: 'a length past the format',
    },
  },
  {
    name: 'the salt is ignored in the checksum of a header',
    rows: [23],
    file: 'packages/framing/src/checksum.ts',
    find: 'let register = ~seed\n',
    replace: 'let register = ~0\n',
    killedBy: { harness: 'damage after a close', seed: 1 },
  },
  {
    name: 'a frame of zeros is a frame',
    rows: [5],
    file: JUDGE,
    find: "if (version === 0 && isZero(bytes, at, FRAME_HEADER_BYTES)) return fault('zeros', offset, false)",
    replace: '',
    killedBy: { harness: 'tests', file: 'packages/framing/src/judge-frame.test.ts', test: 'sixteen zeros' },
  },
  {
    name: 'a read error is taken for the end of the file',
    rows: [13],
    file: 'packages/framing/src/source-window.ts',
    find: 'const read = await this.#source.read(this.bytes.subarray(this.held, limit), this.start + this.held)',
    replace:
      'const read = await this.#source\n        .read(this.bytes.subarray(this.held, limit), this.start + this.held)\n        .catch(() => 0)',
    killedBy: {
      harness: 'tests',
      file: 'packages/wal/src/opening-faults.test.ts',
      test: 'takes a read error for an error',
    },
  },
  {
    name: 'the search behind damage has no bound on its work',
    rows: [22],
    file: 'packages/framing/src/search-frames.ts',
    find: 'if (payloadBytesChecked > payloadBytesAllowed) {',
    replace: 'if (payloadBytesChecked < 0) {',
    killedBy: {
      harness: 'tests',
      file: 'packages/framing/src/search-frames.test.ts',
      test: 'gives up at its bound',
    },
  },
  {
    name: 'the search behind damage begins one step too far',
    rows: [19],
    file: 'packages/framing/src/search-frames.ts',
    find: 'let offset = Math.ceil(start / FRAME_ALIGNMENT) * FRAME_ALIGNMENT',
    replace: 'let offset = Math.ceil(start / FRAME_ALIGNMENT + 1) * FRAME_ALIGNMENT',
    killedBy: {
      harness: 'tests',
      file: 'packages/framing/src/search-frames.test.ts',
      test: 'finds every frame of a whole file',
    },
  },
]
