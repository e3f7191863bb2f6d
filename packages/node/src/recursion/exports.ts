import type { DefinitionLists } from '@vsmcp/mcp'
import type { Catalog } from '../catalog/catalog.ts'
import { EXPORTED_CHARS_MAX, EXPORTED_MAX } from '../constants.ts'

/**
 * What a group offers the one above as a unit of it: the same at every delegate, since it follows from the replica alone. Its own units
 * come before the groups below it, and what is over the bounds is not listed above, but found by its name. Tools go under their
 * qualified names, which do not change when bare names are granted.
 */
export function exportsOf(catalog: Pick<Catalog, 'listing' | 'tools' | 'units'>): DefinitionLists {
  const groups = new Set(catalog.units.filter(({ offer }) => offer.kind === 'group').map(({ unit }) => unit))
  const tools = [
    ...catalog.tools.filter(({ unit }) => !groups.has(unit)),
    ...catalog.tools.filter(({ unit }) => groups.has(unit)),
  ]
  const { resources, resourceTemplates, prompts } = catalog.listing
  const room = { chars: EXPORTED_CHARS_MAX }
  return {
    tools: fitting(
      tools.map(({ definition, qualifiedName }) => ({ ...definition, name: qualifiedName })),
      room,
    ),
    resources: fitting(resources, room),
    resourceTemplates: fitting(resourceTemplates, room),
    prompts: fitting(prompts, room),
  }
}

function fitting<T>(entries: readonly T[], room: { chars: number }): T[] {
  const taken: T[] = []
  for (const entry of entries.slice(0, EXPORTED_MAX)) {
    room.chars -= JSON.stringify(entry).length
    if (room.chars < 0) break
    taken.push(entry)
  }
  return taken
}
