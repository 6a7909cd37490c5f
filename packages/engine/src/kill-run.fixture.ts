// The kill test as a command of its own, for a longer run: `npm run kill -- --rounds 1000 --seed 7`.
import { parseArgs } from 'node:util'
import { temporaryDirectory } from '@holdfast/testing'
import { killRounds } from './kill-rounds.fixture.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  throw new TypeError('--rounds and --seed are whole numbers')
}

const { path, remove } = await temporaryDirectory()
const figures = await killRounds({
  directory: `${path}/store`,
  rounds,
  seed,
  onRound: ({ kills, acknowledged }) => {
    if (kills % 10 === 0) console.log(`${kills} kills, ${acknowledged} commands acknowledged, none lost`)
  },
})
console.table(figures)
await remove()
