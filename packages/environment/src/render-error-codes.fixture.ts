import { ERROR_CODES } from './error-codes.ts'

/** The page `docs/errors.md`, from the list of error codes. */
export function renderErrorCodes(): string {
  const entries = Object.entries(ERROR_CODES).map(([code, { what, safe, next }]) =>
    [`## ${code}`, '', what, '', `**What is safe.** ${safe}`, '', `**What to do.** ${next}`, ''].join('\n'),
  )
  return [INTRODUCTION, ...entries].join('\n')
}

const INTRODUCTION = `# Errors

<!-- Written from packages/environment/src/error-codes.ts: change that, then run
     npm run unit -- packages/environment/src/error-codes.test.ts -u -->

Every error that Holdfast throws on purpose is a \`HoldfastError\`. Its \`code\` is one of this page's, and is
part of the API; the wording of its message is not. As far as they apply it has the fields \`path\`,
\`offset\` and \`seq\`; \`outcome\` of a write (\`'not-written'\`, or \`'unknown'\`: it may be there after
reopening); \`details\`; and \`cause\`, the error underneath. \`LockedError\` adds \`pid\`, \`host\` and \`since\`,
\`GapError\` adds \`requestedSeq\` and \`firstSeq\`.

\`\`\`ts
import { isHoldfastError } from 'holdfast'

try {
  await store.execute('add', city)
} catch (error) {
  if (isHoldfastError(error, 'OVERLOADED')) await store.ready()
  else throw error
}
\`\`\`
`
