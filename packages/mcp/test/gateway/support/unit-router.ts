import {
  type GatewayRouter,
  InputRequiredError,
  type Listing,
  type ListingKind,
  type McpReply,
  type RoutedRequest,
  TargetUnknownError,
  type Unit,
  withTarget,
} from '@vsmcp/mcp'

/** A node's catalog in small: every tool and prompt of a unit as `unit__name`, every resource by its own URI. */
export class UnitRouter implements GatewayRouter {
  readonly #units: readonly Unit[]
  readonly #listeners = new Set<(kinds: ReadonlySet<ListingKind>) => void>()
  #listing: Listing
  #version = 0

  /** @param units started */
  constructor(units: readonly Unit[]) {
    this.#units = units
    this.#listing = this.#compile()
    for (const unit of units) {
      unit.on('definitions', () => {
        this.#listing = this.#compile()
        for (const listener of this.#listeners) listener(new Set(['tools', 'resources', 'prompts']))
      })
    }
  }

  listing(): Listing {
    return this.#listing
  }

  onListingChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async request({ method, target, paramsJson, deadlineMs, signal, onNotification }: RoutedRequest): Promise<McpReply> {
    const [unit, own] = this.#find(target)
    if (unit === undefined) throw new TargetUnknownError(`there is no ${target}`)
    const reply = await unit.request({
      method,
      paramsJson: withTarget(method, paramsJson, own),
      deadlineMs,
      signal,
      onNotification,
    })
    if (!('error' in reply) && reply.resultJson.includes('"input_required"')) throw new InputRequiredError('not here')
    return reply
  }

  #find(target: string): [Unit | undefined, string] {
    const byName = /^(?<unit>[a-z0-9-]+)__(?<own>.+)$/.exec(target)?.groups
    const named = this.#units.find(({ name }) => name === byName?.['unit'])
    if (named !== undefined) return [named, byName?.['own'] ?? '']
    const owner = this.#units.find(
      ({ definitions }) =>
        definitions?.resources.some(({ uri }) => uri === target) === true ||
        definitions?.resourceTemplates.some(
          ({ uriTemplate }) => target === uriTemplate || target.startsWith(uriTemplate.split('{')[0] ?? ''),
        ),
    )
    return [owner, target]
  }

  #compile(): Listing {
    const all = this.#units.flatMap(({ name, definitions }) => (definitions === undefined ? [] : [{ name, definitions }]))
    return {
      version: ++this.#version,
      tools: all.flatMap(({ name, definitions }) =>
        definitions.tools.map((tool) => ({ ...tool, name: `${name}__${tool.name}` })),
      ),
      resources: all.flatMap(({ definitions }) => definitions.resources),
      resourceTemplates: all.flatMap(({ definitions }) => definitions.resourceTemplates),
      prompts: all.flatMap(({ name, definitions }) =>
        definitions.prompts.map((prompt) => ({ ...prompt, name: `${name}__${prompt.name}` })),
      ),
    }
  }
}
