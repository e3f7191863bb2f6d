import {
  BusyError,
  type CallOptions,
  type Clock,
  InvalidArgumentError,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Plane,
  RemoteError,
  TimeoutError,
  type VsmcpError,
} from '@vsmcp/kernel'
import {
  type GatewayRouter,
  type Listing,
  type ListingKind,
  type McpReply,
  type McpRequest,
  type RoutedRequest,
  type Unit,
  withTarget,
} from '@vsmcp/mcp'
import type { Asker, Routing } from '@vsmcp/vsm'
import { pack, unpack } from 'msgpackr'
import type { Catalog, Target, ToolEntry } from '../catalog/catalog.ts'
import type { CatalogUnit } from '../catalog/providers.ts'
import {
  CREDENTIAL_OVER,
  NOT_LISTED,
  NOT_OF_GROUP,
  ShedError,
  TargetUnknownError,
  UnitStoppedError,
  UnitUnknownError,
  UnitUnreachableError,
} from '../errors.ts'
import type { Fallbacks } from '../degradation/fallbacks.ts'
import type { Degradation } from '../degradation/degradation.ts'
import type { Beyond } from '../recursion/beyond.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { ClaimDesk } from '../system2/claim-desk.ts'
import type { Bargaining } from '../system3/bargaining.ts'
import type { OwnOffers } from './own-offers.ts'
import { type CallWatch, isRefusal, outcomeOf, outcomeOfFailure } from './call-watch.ts'
import { deliver, type Sent } from './delivery.ts'
import { readNotification, readReply, readRequest } from './call-messages.ts'

const REQUEST = 'mcp:request'

export interface MeshRequest extends RoutedRequest {
  /** Told which node is asked, each time one is. */
  onAsked?: (node: PeerIdString) => void
  /**
   * Of who asks again by itself what surely was not done: how often it did so before. It is one demand, however often it is asked, and nothing stands in
   * for its answer.
   */
  attempt?: number
}

const HERE: Asker = { from: 'here' }

export interface RouterComponents {
  clock: Clock
  self: PeerIdString
  catalog: Catalog
  units: LocalUnits
  rpc: Plane
  /** Has requests to units of this node wait for what these claim. */
  claims: Pick<ClaimDesk, 'call'>
  /** Says which units of this node are served now. */
  degradation: Pick<Degradation, 'assertServed'>
  /** Says which units a group above has stopped. */
  bargaining: Pick<Bargaining, 'assertMayBeCalled'>
  /** What stands in for answers of units that cannot be asked. */
  fallbacks: Pick<Fallbacks, 'insteadOf'>
  /** What the mesh itself answers. */
  own: OwnOffers
  /** Which provider a call goes to, where a unit has several. */
  routing: Routing
  /** Hears of calls as they begin and end. */
  watch: CallWatch
  /** Where a tool is looked for that this group does not list. */
  beyond: Beyond
}

/**
 * Brings a client's request to the unit that answers it: here, or by one frame to a node that runs it. A caller is told plainly whether
 * the request was not sent, or sent with an unknown outcome; only what does no harm is repeated, and only at another provider.
 */
export class Router implements GatewayRouter {
  readonly #c: RouterComponents
  #inFlight = 0
  #idle: (() => void)[] = []
  #isClosed = false

  constructor(components: RouterComponents) {
    this.#c = components
    components.rpc.handle(REQUEST, async (call) => {
      const { peer, payload, deadlineMs, signal } = call
      const [name, method, paramsJson, via] = readRequest(unpack(payload))
      this.#mustBeOpen()
      const unit = components.units.get(name)
      if (unit === undefined) throw new UnitUnknownError(`no unit ${name} is attached to this node`)
      return this.#counted(async () => {
        const onNotification = (notified: string, json: string): void => {
          // A stream that is gone rejects here; the request itself is told by its signal.
          call.progress(pack([notified, json])).catch(() => {})
        }
        return pack(await this.#atUnit(unit, { method, paramsJson, deadlineMs, signal, caller: peer, via, onNotification }))
      })
    })
  }

  listing(): Listing {
    const { own, catalog } = this.#c
    return own.withOwn(catalog.listing)
  }

  onListingChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    return this.#c.catalog.onChanged(listener)
  }

  /** @param asker where the request comes from, when it comes from another group */
  async request(request: MeshRequest, asker: Asker = HERE): Promise<McpReply> {
    this.#mustBeOpen()
    const answer = this.#c.own.answerTo(request)
    if (answer !== undefined) return this.#counted(answer)
    return request.method === 'tools/call' ? this.#watched(request, asker) : this.#route(request, this.#resolve(request))
  }

  /** A call of a tool, whose end is told to who watches. */
  async #watched(request: MeshRequest, asker: Asker): Promise<McpReply> {
    const { watch, catalog, fallbacks, beyond } = this.#c
    let target: ToolEntry | undefined
    try {
      target = catalog.findTool(request.target)
      const reply = await (target === undefined ? this.#counted(() => beyond.call(request, asker)) : this.#route(request, target))
      watch.called({ tool: request.target, target, outcome: outcomeOf(reply) })
      return reply
    } catch (error) {
      const { attempt, signal } = request
      const isAgain = attempt !== undefined && attempt > 0 && (isRefusal(error) || error instanceof TargetUnknownError)
      if (!isAgain) watch.called({ tool: request.target, target, outcome: outcomeOfFailure(error, signal) })
      if (target === undefined || attempt !== undefined || signal.aborted) throw error
      const instead = fallbacks.insteadOf(target, error)
      if (instead === undefined) throw error
      return instead
    }
  }

  async #route(request: MeshRequest, target: Target): Promise<McpReply> {
    // Each end looks by itself: a provider may be of an older version, not have heard, or lie.
    this.#c.bargaining.assertMayBeCalled(target.unit)
    const paramsJson =
      target.name === request.target ? request.paramsJson : withTarget(request.method, request.paramsJson, target.name)
    const sent: Sent = { ...request, paramsJson }
    // Of most units there is one, and nothing to choose.
    return this.#counted(() => (target.providers.length > 1 ? this.#deliver(target, sent) : this.#send(target, sent)))
  }

  #deliver(target: Target, request: Sent): Promise<McpReply> {
    const { routing, clock } = this.#c
    return deliver(target, request, { routing, clock, send: (at, attempt) => this.#send(at, attempt) })
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** From now on nothing new is begun; what is under way goes on. */
  close(): void {
    this.#isClosed = true
  }

  /** Resolves when no request is under way. */
  async drained(): Promise<void> {
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #mustBeOpen(): void {
    if (!this.#isClosed) return
    throw new NotSentError('the node is stopping: nothing was executed', { hint: 'Repeat the call at another node.' })
  }

  #resolve({ method, target, paramsJson }: RoutedRequest): Target {
    const { catalog } = this.#c
    if (method === 'prompts/get') return catalog.prompt(target)
    if (method === 'resources/read') return catalog.resource(target)
    const { ref } = JSON.parse(paramsJson) as { ref?: { type?: string } }
    return ref?.type === 'ref/prompt' ? catalog.prompt(target) : catalog.resource(target)
  }

  async #send(target: Pick<Target, 'unit' | 'node'>, request: Sent): Promise<McpReply> {
    const { self, units, rpc, clock, watch } = this.#c
    const { method, paramsJson, deadlineMs, signal, via, onNotification } = request
    const way = via === undefined || via.length === 0 ? {} : { via }
    request.onAsked?.(target.node)
    if (target.node === self) {
      const unit = units.get(target.unit)
      if (unit === undefined) throw new UnitUnreachableError(`unit ${target.unit} is not attached here any more: not sent`)
      return this.#atUnit(unit, { method, paramsJson, deadlineMs, signal, onNotification, ...way })
    }
    const options: CallOptions = {
      deadlineMs,
      signal,
      onProgress: (payload) => {
        const [notified, json] = readNotification(unpack(payload))
        onNotification(notified, json)
      },
    }
    const beganMs = clock.monotonicMs()
    try {
      const reply = readReply(
        unpack(await rpc.call(target.node, REQUEST, pack([target.unit, method, paramsJson, ...Object.values(way)]), options)),
      )
      const [outcome, bytes] = 'error' in reply ? (['refused', 0] as const) : (['answered', reply.resultJson.length] as const)
      watch.returned(target, { outcome, latencyMs: clock.monotonicMs() - beganMs, bytes })
      return reply
    } catch (error) {
      watch.returned(target, { outcome: 'lost', latencyMs: clock.monotonicMs() - beganMs, bytes: 0 })
      throw asSeenByCaller(error, target)
    }
  }

  /** A call of a unit by a name that it does not list. */
  through({ unit, node, callable: providers }: CatalogUnit, request: RoutedRequest): Promise<McpReply> {
    const { target: name } = request
    return this.#route(request, { unit, node, name, providers, isRepeatable: false })
  }

  /** An auditor's question to a unit of another node: it travels, and is served, like any request. */
  probe(
    { unit, node }: Pick<Target, 'unit' | 'node'>,
    request: Omit<McpRequest, 'signal' | 'onNotification'>,
  ): Promise<McpReply> {
    this.#mustBeOpen()
    const signal = AbortSignal.timeout(request.deadlineMs)
    return this.#counted(() => this.#send({ unit, node }, { ...request, signal, onNotification: () => {} }))
  }

  #atUnit(unit: Unit, request: McpRequest): Promise<McpReply> {
    this.#c.bargaining.assertMayBeCalled(unit.name)
    this.#c.degradation.assertServed(unit.name)
    return this.#c.claims.call(unit.name, request, (granted) => this.#ask(unit, granted))
  }

  /** Waiting for what the unit claims is over: from here on it is the unit that takes its time. */
  async #ask(unit: Unit, request: McpRequest): Promise<McpReply> {
    const end = this.#c.watch.asked(unit.name)
    try {
      const reply = await unit.request(request)
      end(true)
      return reply
    } catch (error) {
      end(false)
      throw error
    }
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight++
    try {
      return await work()
    } finally {
      this.#inFlight--
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }
}

/** What went wrong at the other node means the same here; what it says of the call's fate stays as precise. */
export function asSeenByCaller(error: unknown, { unit, node }: Pick<Target, 'unit' | 'node'>): unknown {
  if (error instanceof TimeoutError) {
    return new OutcomeUnknownError(`unit ${unit} gave no answer within the time allowed; it may have executed the call`, {
      hint: 'Find out at the tool whether it did before repeating the call, or allow more time.',
      details: { unit, node, reason: 'deadline' },
      cause: error,
    })
  }
  if (error instanceof NotSentError) {
    return new NotSentError(`unit ${unit} was not asked, its node ${node} could not be: ${error.message}`, {
      hint: 'Nothing was executed: repeat the call when the node is back. `vsmcp members` shows who is there.',
      details: { unit, node },
      cause: error,
    })
  }
  if (!(error instanceof RemoteError)) return error
  const options = { ...(error.hint === undefined ? {} : { hint: error.hint }), details: { unit, node }, cause: error }
  const known: Readonly<Record<string, new (message: string, options: object) => VsmcpError>> = {
    VSMCP_NOT_SENT: NotSentError,
    VSMCP_OUTCOME_UNKNOWN: OutcomeUnknownError,
    VSMCP_BUSY: BusyError,
    VSMCP_INVALID_ARGUMENT: InvalidArgumentError,
    [NOT_LISTED]: NotSentError,
    [NOT_OF_GROUP]: NotSentError,
    [CREDENTIAL_OVER]: NotSentError,
    // At whichever end the clock ran out, and when the answer was too large to travel: it was sent.
    VSMCP_TIMEOUT: OutcomeUnknownError,
    VSMCP_MESH_FRAME_TOO_LARGE: OutcomeUnknownError,
    VSMCP_NODE_UNIT_UNKNOWN: UnitUnreachableError,
    VSMCP_NODE_SHED: ShedError,
    VSMCP_NODE_UNIT_STOPPED: UnitStoppedError,
    VSMCP_NODE_TARGET_UNKNOWN: TargetUnknownError,
  }
  const Known = known[error.remoteCode]
  return Known === undefined ? error : new Known(error.message, options)
}
