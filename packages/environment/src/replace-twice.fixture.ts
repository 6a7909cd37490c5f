/**
 * Replaces a file twice and prints what came of each, for tests that let the kernel refuse one of its calls.
 * The names of its temporary files come from a seed, so that a test can name them beforehand.
 */
import { isHoldfastError, nodeEnvironment, replaceFile } from '@holdfast/environment'
import { openDescriptors, SeededRandom } from '@holdfast/testing/environment'

const [path = '', text = '', directory = ''] = process.argv.slice(2)
const environment = { ...nodeEnvironment, random: new SeededRandom(1) }
const attempts = []
for (const attempt of [1, 2]) {
  const bytes = Buffer.from(`${text}${attempt}`)
  const result = await replaceFile(environment, path, bytes).then(
    () => ({ code: 'ok' }),
    (error: unknown) =>
      isHoldfastError(error)
        ? { code: error.code, outcome: error.outcome, ...error.details }
        : { code: String(error) },
  )
  attempts.push({
    ...result,
    open: (await openDescriptors(directory))?.length,
    names: await nodeEnvironment.files.list(directory),
  })
}
console.log(JSON.stringify(attempts))
