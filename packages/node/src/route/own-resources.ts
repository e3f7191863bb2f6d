import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Listing, McpReply, ResourceDefinition } from '@vsmcp/mcp'

/** A resource of the mesh itself, which every node answers. */
export interface OwnResource {
  /** Its URI begins with `vsmcp://` and has no path: no unit's resource can be called so. */
  readonly definition: ResourceDefinition & { readonly mimeType: string }
  read(): Promise<string>
}

/** What the mesh has to be read besides what is attached, last in the list. */
export class OwnResources {
  readonly #resources = new Map<string, OwnResource>()
  #of: Listing | undefined
  #listing: Listing | undefined

  /** Before clients are served: nobody is told of a change. */
  provide(resource: OwnResource): void {
    this.#resources.set(resource.definition.uri, resource)
    this.#of = undefined
  }

  has(uri: string): boolean {
    return this.#resources.has(uri)
  }

  /** The list with these in it; the same object for the same list. */
  withOwn(listing: Listing): Listing {
    if (this.#listing === undefined || this.#of !== listing) {
      const own = [...this.#resources.values()].map(({ definition }) => definition)
      this.#of = listing
      this.#listing = { ...listing, resources: [...listing.resources.filter(({ uri }) => !this.#resources.has(uri)), ...own] }
    }
    return this.#listing
  }

  async read(uri: string): Promise<McpReply> {
    const resource = this.#resources.get(uri)
    if (resource === undefined) throw new InvalidArgumentError(`the mesh has no resource ${uri} of its own`)
    const { mimeType } = resource.definition
    return { era: 'legacy', resultJson: JSON.stringify({ contents: [{ uri, mimeType, text: await resource.read() }] }) }
  }
}
