import type { Definitions } from '@vsmcp/mcp'

/** What a unit offers, as `kind:name` with the definition as text, so that two moments can be compared. */
export function offersOf(definitions: Definitions): Map<string, string> {
  const offers = new Map<string, string>()
  for (const tool of definitions.tools) offers.set(`tool:${tool.name}`, JSON.stringify(tool))
  for (const prompt of definitions.prompts) offers.set(`prompt:${prompt.name}`, JSON.stringify(prompt))
  for (const resource of definitions.resources) offers.set(`resource:${resource.uri}`, JSON.stringify(resource))
  return offers
}
