import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Listing, McpReply, ToolDefinition } from '@vsmcp/mcp'
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

const paramsSchema = z.object({ arguments: z.record(z.string(), z.unknown()).optional() })

/** What the mesh offers its clients besides what is attached, last in the list. */
export class OwnTools {
  readonly #tools: ReadonlyMap<string, OwnTool>
  #of: Listing | undefined
  #listing: Listing | undefined

  constructor(tools: readonly OwnTool[]) {
    this.#tools = new Map(tools.map((tool) => [tool.definition.name, tool]))
  }

  has(name: string): boolean {
    return this.#tools.has(name)
  }

  /** The list with these in it; the same object for the same list. */
  withOwn(listing: Listing): Listing {
    if (this.#listing === undefined || this.#of !== listing) {
      const others = listing.tools.filter(({ name }) => !this.#tools.has(name))
      this.#of = listing
      this.#listing = { ...listing, tools: [...others, ...[...this.#tools.values()].map(({ definition }) => definition)] }
    }
    return this.#listing
  }

  async call(name: string, paramsJson: string): Promise<McpReply> {
    const tool = this.#tools.get(name)
    if (tool === undefined) throw new InvalidArgumentError(`the mesh has no tool ${name} of its own`)
    const params = paramsSchema.safeParse(JSON.parse(paramsJson))
    if (!params.success) throw new InvalidArgumentError(`the arguments of ${name} must be an object`)
    return { era: 'legacy', resultJson: JSON.stringify(await tool.call(params.data.arguments ?? {})) }
  }
}
