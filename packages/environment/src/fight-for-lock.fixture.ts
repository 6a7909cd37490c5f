/** Takes a lock again and again, and looks whether it is alone inside. Prints how often it got in, and how often it wasn't. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { isHoldfastError, nodeEnvironment, nodeEnvironmentWith } from '@holdfast/environment'
import { isGone, parseIdentity, thisProcess } from './process-identity.ts'

const [kind = '', path = '', rounds = '0'] = process.argv.slice(2)
const { locks } = nodeEnvironmentWith({ lock: kind === 'pid-file' ? 'pid-file' : 'kernel' })
const me = JSON.stringify(await thisProcess(nodeEnvironment.clock))
const inside = `${path}.inside`
let taken = 0
let violations = 0
console.log('fighting')

while (taken < Number(rounds)) {
  const lock = await locks.acquire(path).catch((error: unknown) => {
    if (!isHoldfastError(error, 'LOCKED')) throw error
  })
  if (lock === undefined) {
    await turn()
    continue
  }
  taken += 1
  const other = parseIdentity(await readFile(inside, 'utf8').catch(() => ''))
  if (other !== undefined && !(await isGone(other))) violations += 1
  await writeFile(inside, me)
  for (let stay = 0; stay < 3; stay += 1) await turn()
  if ((await readFile(inside, 'utf8').catch(() => '')) !== me) violations += 1
  await rm(inside, { force: true })
  await lock.release()
}
console.log(`taken ${taken}, violations ${violations}`)
