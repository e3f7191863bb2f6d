import { type GroupId, type Logger, messageOf, NotSentError, type PeerIdString, type Plane, RemoteError } from '@vsmcp/kernel'
import type { McpReply, RoutedRequest } from '@vsmcp/mcp'
import type { Asker, Route } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import type { Catalog } from '../catalog/catalog.ts'
import { DELEGATES_ASKED_MAX } from '../constants.ts'
import { TargetUnknownError } from '../errors.ts'
import { readNotification, readQuestion, readReply } from '../route/call-messages.ts'
import { asSeenByCaller, type Router } from '../route/router.ts'
import type { Memberships } from './memberships.ts'

const ASK_ABOVE = 'recursion:ask-above'

export interface BeyondComponents {
  group: GroupId
  /** The group above; undefined for the root. */
  parent: () => GroupId | undefined
  self: PeerIdString
  /** Where a question goes, of those who may have the tool. */
  route: (question: { tool: string; asker: Asker; visited: readonly GroupId[] }) => Route
  /** Name of the unit that a child group is here. */
  unitOf: (child: GroupId) => string | undefined
  /** Members that have a seat in the group above, those first that are best asked. */
  delegates: () => readonly PeerIdString[]
  catalog: Catalog
  router: () => Router
  rpc: Plane
  memberships: Memberships
  logger: Logger
}

/**
 * The way of a call for a tool that the group does not list: down to a child that may have it, as a call of the unit that the child is; up
 * by a member that has a seat in the parent, where the parent's own router takes it. So every step is a call within one group, with its
 * promise: not sent, answered, or sent with an unknown outcome; only what was surely not executed is tried elsewhere.
 */
export class Beyond {
  readonly #c: BeyondComponents

  constructor(components: BeyondComponents) {
    this.#c = components
    components.rpc.handle(ASK_ABOVE, async (call) => {
      const { payload, deadlineMs, signal } = call
      const [tool, paramsJson, via] = readQuestion(unpack(payload))
      const onNotification = (method: string, json: string): void => {
        call.progress(pack([method, json])).catch(() => {})
      }
      const request: RoutedRequest = { method: 'tools/call', target: tool, paramsJson, deadlineMs, signal, via, onNotification }
      return pack(await this.#inParent(request))
    })
  }

  /** Throws `TargetUnknownError` when no group that may be asked has the tool, `NotSentError` when nobody could ask above. */
  async call(request: RoutedRequest, asker: Asker): Promise<McpReply> {
    const { route, logger, group } = this.#c
    const { target: tool, via = [] } = request
    const { steps, visited } = route({ tool, asker, visited: via })
    const asked = { ...request, via: visited }
    for (const step of steps) {
      try {
        if (step.to === 'child') return await this.#inChild(step.group, asked)
        if (step.to === 'parent') return await this.#above(asked)
      } catch (error) {
        if (!(error instanceof TargetUnknownError)) throw error
        logger.debug({ group, tool, to: step, reason: messageOf(error) }, 'a group that was asked for a tool does not have it')
      }
    }
    throw new TargetUnknownError(`no tool ${tool} is known in this group, or in those it can ask`, {
      hint: 'List what there is with `vsmcp tools`; a tool of another group is called by its qualified name, unit__tool.',
    })
  }

  #inChild(child: GroupId, request: RoutedRequest): Promise<McpReply> {
    const { unitOf, catalog, router } = this.#c
    const name = unitOf(child)
    const unit = catalog.units.find((each) => each.unit === name)
    if (unit === undefined) throw new TargetUnknownError(`group ${name ?? child} has no delegate here`)
    return router().through(unit, request)
  }

  /** By this node's own seat in the parent, or by that of another member. */
  async #above(request: RoutedRequest): Promise<McpReply> {
    const { parent, memberships, delegates, self } = this.#c
    let last: unknown
    if (memberships.get(parent() ?? '') !== undefined) {
      try {
        return await this.#inParent(request)
      } catch (error) {
        // Its own seat may be too young to know anybody there, or cut off; that of another member is not.
        if (!(error instanceof NotSentError)) throw error
        last = error
      }
    }
    const others = delegates().filter((peer) => peer !== self)
    for (const delegate of others.slice(0, DELEGATES_ASKED_MAX)) {
      try {
        return await this.#by(delegate, request)
      } catch (error) {
        if (!(error instanceof NotSentError)) throw error
        last = error
        // Who was reached, and could not send it on, is not asked through others again: that would double with each level.
        if (error.cause instanceof RemoteError) break
      }
    }
    throw new NotSentError(`${request.target} is not listed in this group, and no member with a seat above can be reached`, {
      hint: 'Nothing was executed. `vsmcp status` names the delegates; the group goes on alone meanwhile.',
      cause: last,
    })
  }

  async #by(
    delegate: PeerIdString,
    { target, paramsJson, deadlineMs, signal, via = [], onNotification }: RoutedRequest,
  ): Promise<McpReply> {
    const onProgress = (payload: Uint8Array): void => {
      const [method, json] = readNotification(unpack(payload))
      onNotification(method, json)
    }
    try {
      const question = pack([target, paramsJson, via])
      return readReply(unpack(await this.#c.rpc.call(delegate, ASK_ABOVE, question, { deadlineMs, signal, onProgress })))
    } catch (error) {
      throw asSeenByCaller(error, { unit: target, node: delegate })
    }
  }

  async #inParent(request: RoutedRequest): Promise<McpReply> {
    const { parent, memberships, group } = this.#c
    const above = memberships.get(parent() ?? '')
    if (above === undefined) throw new NotSentError('this node has no running seat in the group above')
    return above.parts.router.request(request, { from: 'child', group })
  }
}
