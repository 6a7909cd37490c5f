// The last line of .ci/run: `N passed, N failed`, counted from the reports that the tests wrote.
// Arguments: `name=exit status` for each step. Plain JavaScript, since it must also speak where `npm ci` failed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

let passed = 0
let failed = 0
if (existsSync('.reports')) {
  for (const file of readdirSync('.reports')) {
    const read = () => readFileSync(`.reports/${file}`, 'utf8')
    if (file === 'vitest.json') {
      const report = JSON.parse(read())
      passed += report.numPassedTests
      failed += report.numFailedTests
    } else if (file.endsWith('.tap')) {
      passed += Number(/^# pass (\d+)$/m.exec(read())?.[1] ?? 0)
      failed += Number(/^# fail (\d+)$/m.exec(read())?.[1] ?? 1)
    }
  }
}

const steps = process.argv.slice(2).map((step) => step.split('='))
for (const [name, status] of steps) {
  if (status !== '0') console.log(`${name} failed (exit status ${status})`)
  // The demo counts as one. Any other step that failed without a failed test counts as one failure.
  if (name === 'demo' && status === '0') passed += 1
  else if (status !== '0' && (name === 'demo' || failed === 0)) failed += 1
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || steps.length === 0 ? 1 : 0
