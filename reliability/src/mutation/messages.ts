// Text that people read is not mutated: no test should pin the wording of a message. What programs read
// (codes, kinds, names of files) has no space in it, and is.
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/** As much of a syntax tree's node as is looked at. */
interface Text {
  readonly node: {
    readonly type: string
    readonly value?: unknown
    readonly quasis?: readonly { readonly value: { readonly raw: string } }[]
  }
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore: (path) => (isSentence(path as Text) ? 'the wording of a message' : undefined),
  }),
]

function isSentence({ node }: Text): boolean {
  if (node.type === 'StringLiteral') return String(node.value).includes(' ')
  return node.type === 'TemplateLiteral' && node.quasis!.some((each) => each.value.raw.includes(' '))
}
