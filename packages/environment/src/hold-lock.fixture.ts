/**
 * Takes a lock, says so, and holds it until it is told to release it or is killed. It starts a process of
 * its own first, which lives on after it: whoever inherits a descriptor mustn't keep the lock.
 */
import { spawn } from 'node:child_process'
import { isHoldfastError, nodeEnvironmentWith } from '@holdfast/environment'

const [kind = '', path = ''] = process.argv.slice(2)
const { locks } = nodeEnvironmentWith({ lock: kind === 'pid-file' ? 'pid-file' : 'kernel' })
const lock = await locks.acquire(path).catch((error: unknown) => {
  console.log(isHoldfastError(error) ? error.code : String(error))
})
if (lock !== undefined) {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  console.log(`held ${child.pid}`)
  process.stdin.once('data', () => {
    child.kill()
    process.stdin.destroy()
    void lock.release().then(() => console.log('released'))
  })
}
