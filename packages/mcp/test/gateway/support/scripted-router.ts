import type {
  GatewayRouter,
  Listing,
  ListingKind,
  McpReply,
  PromptDefinition,
  ResourceDefinition,
  ResourceTemplateDefinition,
  RoutedRequest,
  ToolDefinition,
} from '@vsmcp/mcp'
import { TargetUnknownError } from '@vsmcp/mcp'

export type Handler = (request: RoutedRequest) => Promise<McpReply> | McpReply

/** A tool without arguments to speak of. */
export function toolNamed(name: string, more: Partial<ToolDefinition> = {}): ToolDefinition {
  return { name, description: `does ${name}`, inputSchema: { type: 'object' }, ...more }
}

export function textReply(text: string): McpReply {
  return { era: 'legacy', resultJson: JSON.stringify({ content: [{ type: 'text', text }] }) }
}

/** A router whose listing and answers a test writes down; it records what it was asked. */
export class ScriptedRouter implements GatewayRouter {
  readonly requests: RoutedRequest[] = []
  readonly #handlers = new Map<string, Handler>()
  readonly #listeners = new Set<(kinds: ReadonlySet<ListingKind>) => void>()
  #listing: Listing = { version: 1, tools: [], resources: [], resourceTemplates: [], prompts: [] }

  get listenerCount(): number {
    return this.#listeners.size
  }

  listing(): Listing {
    return this.#listing
  }

  onListingChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async request(request: RoutedRequest): Promise<McpReply> {
    this.requests.push(request)
    const handler = this.#handlers.get(request.target)
    if (handler === undefined) throw new TargetUnknownError(`there is no ${request.target}`, { hint: 'List what there is.' })
    return handler(request)
  }

  tool(definition: ToolDefinition, handler: Handler): this {
    this.#handlers.set(definition.name, handler)
    return this.#change({ tools: [...this.#listing.tools, definition] }, 'tools')
  }

  resource(definition: ResourceDefinition, handler: Handler): this {
    this.#handlers.set(definition.uri, handler)
    return this.#change({ resources: [...this.#listing.resources, definition] }, 'resources')
  }

  template(definition: ResourceTemplateDefinition, handler: Handler): this {
    this.#handlers.set(definition.uriTemplate, handler)
    return this.#change({ resourceTemplates: [...this.#listing.resourceTemplates, definition] }, 'resources')
  }

  prompt(definition: PromptDefinition, handler: Handler): this {
    this.#handlers.set(definition.name, handler)
    return this.#change({ prompts: [...this.#listing.prompts, definition] }, 'prompts')
  }

  remove(name: string): void {
    this.#handlers.delete(name)
    this.#change({ tools: this.#listing.tools.filter((tool) => tool.name !== name) }, 'tools')
  }

  #change(part: Partial<Listing>, kind: ListingKind): this {
    this.#listing = { ...this.#listing, ...part, version: this.#listing.version + 1 }
    for (const listener of this.#listeners) listener(new Set([kind]))
    return this
  }
}
