import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Listing, McpReply, ResourceDefinition, RoutedRequest, ToolDefinition } from '@vsmcp/mcp'
import { z } from 'zod'

/** The unit that the mesh's own tools would be of: no server is attached under this name. */
export const OWN_UNIT = 'vsmcp'

/** A tool of the mesh itself, which every node answers. */
export interface OwnTool {
  /** Its name begins with `vsmcp__`. */
  readonly definition: ToolDefinition
  /** @returns a `CallToolResult`; throws `InvalidArgumentError` for arguments that do not fit */
  call(args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
}

/** A resource of the mesh itself, which every node answers. */
export interface OwnResource {
  /** Its URI begins with `vsmcp://` and has no path: no unit's resource can be called so. */
  readonly definition: ResourceDefinition & { readonly mimeType: string }
  read(): Promise<string>
}

const paramsSchema = z.object({ arguments: z.record(z.string(), z.unknown()).optional() })

/** What the mesh offers its clients besides what is attached, last in the lists. */
export class OwnOffers {
  readonly #tools: ReadonlyMap<string, OwnTool>
  readonly #resources = new Map<string, OwnResource>()
  #joined: { of: Listing; listing: Listing } | undefined

  constructor(tools: readonly OwnTool[]) {
    this.#tools = new Map(tools.map((tool) => [tool.definition.name, tool]))
  }

  /** Before clients are served: nobody is told of a change. */
  provide(resource: OwnResource): void {
    this.#resources.set(resource.definition.uri, resource)
    this.#joined = undefined
  }

  /** The list with these in it; the same object for the same list. */
  withOwn(listing: Listing): Listing {
    if (this.#joined?.of !== listing) this.#joined = { of: listing, listing: this.#join(listing) }
    return this.#joined.listing
  }

  /** How a request for one of these is answered; undefined for any other. */
  answerTo({
    method,
    target,
    paramsJson,
  }: Pick<RoutedRequest, 'method' | 'target' | 'paramsJson'>): (() => Promise<McpReply>) | undefined {
    if (method === 'tools/call') {
      const tool = this.#tools.get(target)
      return tool && (() => callOwn(tool, paramsJson))
    }
    const resource = method === 'resources/read' ? this.#resources.get(target) : undefined
    return resource && (() => readOwn(resource))
  }

  #join(listing: Listing): Listing {
    const tools = listing.tools.filter(({ name }) => !this.#tools.has(name))
    const resources = listing.resources.filter(({ uri }) => !this.#resources.has(uri))
    return {
      ...listing,
      tools: [...tools, ...[...this.#tools.values()].map(({ definition }) => definition)],
      resources: [...resources, ...[...this.#resources.values()].map(({ definition }) => definition)],
    }
  }
}

async function callOwn(tool: OwnTool, paramsJson: string): Promise<McpReply> {
  const params = paramsSchema.safeParse(JSON.parse(paramsJson))
  if (!params.success) throw new InvalidArgumentError(`the arguments of ${tool.definition.name} must be an object`)
  return { era: 'legacy', resultJson: JSON.stringify(await tool.call(params.data.arguments ?? {})) }
}

async function readOwn(resource: OwnResource): Promise<McpReply> {
  const { uri, mimeType } = resource.definition
  return { era: 'legacy', resultJson: JSON.stringify({ contents: [{ uri, mimeType, text: await resource.read() }] }) }
}
