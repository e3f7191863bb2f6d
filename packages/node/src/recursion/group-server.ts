import { type GroupId, InvalidArgumentError, NotSentError } from '@vsmcp/kernel'
import type { DefinitionLists, InnerServer, McpReply, RoutedMethod, RoutedRequest } from '@vsmcp/mcp'
import { exportsOf } from './exports.ts'
import type { Membership, Memberships } from './memberships.ts'

const ROUTED: ReadonlySet<string> = new Set<RoutedMethod>(['tools/call', 'resources/read', 'prompts/get', 'completion/complete'])

export interface GroupServerInit {
  /** The group that is asked. */
  group: GroupId
  /** The group above, whose unit it is. */
  parent: GroupId
  version: string
}

/** A child group as its parent's System 1 asks it: through the seat that this node has in it. */
export class GroupServer implements InnerServer {
  readonly name: string
  readonly version: string
  readonly #init: GroupServerInit
  readonly #memberships: Memberships

  constructor(init: GroupServerInit, memberships: Memberships) {
    this.#init = init
    this.#memberships = memberships
    this.name = `group-${init.group.slice(0, 16)}`
    this.version = init.version
  }

  lists(): DefinitionLists {
    return exportsOf(this.#seat().parts.catalog)
  }

  onListChanged(listener: () => void): () => void {
    return this.#seat().parts.catalog.onChanged(listener)
  }

  onGone(listener: (reason: string) => void): () => void {
    return this.#memberships.on('ended', ({ group }) => {
      if (group === this.#init.group) listener('the seat of this node in the group has ended')
    })
  }

  async request(asked: Parameters<InnerServer['request']>[0]): Promise<McpReply> {
    const { method, paramsJson, via } = asked
    const { parent, group } = this.#init
    if (this.#seat().parent !== parent) {
      throw new NotSentError(`${group} stands below another group now`, {
        hint: 'Nothing was executed. It is listed where it is, and found by the names of its tools.',
      })
    }
    if (!isRouted(method)) throw new InvalidArgumentError(`a group does not answer ${method}`)
    const target = targetOf(method, paramsJson)
    const way = via.includes(parent) ? via : [...via, parent]
    const request: RoutedRequest = { ...asked, method, target, via: way }
    return this.#seat().parts.router.request(request, { from: 'parent' })
  }

  #seat(): Membership {
    const membership = this.#memberships.get(this.#init.group)
    if (membership !== undefined) return membership
    throw new NotSentError('this node has no running seat in the group', { hint: 'Nothing was executed. See `vsmcp status`.' })
  }
}

function isRouted(method: string): method is RoutedMethod {
  return ROUTED.has(method)
}

/** The tool's or prompt's name, or the resource's URI, as `RoutedRequest` wants it. */
function targetOf(method: RoutedMethod, paramsJson: string): string {
  const { name, uri, ref } = JSON.parse(paramsJson) as Record<string, unknown>
  const of = method === 'completion/complete' ? (ref as Record<string, unknown> | undefined) : undefined
  const target = of === undefined ? (method === 'resources/read' ? uri : name) : (of['name'] ?? of['uri'])
  if (typeof target === 'string') return target
  throw new InvalidArgumentError(`${method} needs to say what is asked for`)
}
