/** Creates files until the system refuses, closes them all, and creates one more; prints what happened. */
import { errnoOf, type File, joinPath, nodeEnvironment } from '@holdfast/environment'
import { openDescriptors } from '@holdfast/testing/environment'

const [directory = ''] = process.argv.slice(2)
const { files } = nodeEnvironment
const open: File[] = []
let refusal: unknown
while (refusal === undefined && open.length < 10_000) {
  await files.open(joinPath(directory, `${open.length}`), 'create').then(
    (file) => open.push(file),
    (error: unknown) => {
      refusal = error
    },
  )
}
const opened = open.length
for (const file of open) await file.close()
const names = (await files.list(directory)).length
const left = (await openDescriptors(directory))?.length
await (await files.open(joinPath(directory, 'later'), 'create')).close()
console.log(JSON.stringify({ opened, names, left, errno: errnoOf(refusal) }))
