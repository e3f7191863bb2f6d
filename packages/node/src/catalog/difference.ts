import { isDeepStrictEqual } from 'node:util'
import type { DefinitionLists } from '@vsmcp/mcp'

/** Of what is different so many are named. */
const NAMED_MAX = 5

const LISTS = [
  ['tool', 'tools', 'name'],
  ['resource', 'resources', 'uri'],
  ['template', 'resourceTemplates', 'uriTemplate'],
  ['prompt', 'prompts', 'name'],
] as const

/** What one server offers that another does not, for people; empty when nothing is found. */
export function differenceOf(ours: DefinitionLists, theirs: DefinitionLists): string {
  const found = LISTS.flatMap(([kind, list, key]) => {
    const [here, there] = [ours, theirs].map((lists) => new Map(lists[list].map((entry) => [String(entry[key as never]), entry])))
    return [...new Set([...(here?.keys() ?? []), ...(there?.keys() ?? [])])].flatMap((name) => {
      const [own, other] = [here?.get(name), there?.get(name)]
      if (own === undefined) return [`${kind} ${name} is missing here`]
      if (other === undefined) return [`${kind} ${name} is only here`]
      return isDeepStrictEqual(own, other) ? [] : [`${kind} ${name} is another`]
    })
  })
  const more = found.length - NAMED_MAX
  return [...found.slice(0, NAMED_MAX), ...(more > 0 ? [`${more} more`] : [])].join(', ')
}
