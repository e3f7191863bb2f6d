import { type Clock, InvalidArgumentError, OutcomeUnknownError, type PeerIdString, RemoteError } from '@vsmcp/kernel'
import type { McpReply, RoutedRequest } from '@vsmcp/mcp'
import type { Routing } from '@vsmcp/vsm'
import type { Target } from '../catalog/catalog.ts'
import { UnitStoppedError } from '../errors.ts'
import { isRefusal } from './call-watch.ts'

/** What travels of a request, and who is told of it here. */
export interface Sent extends Pick<RoutedRequest, 'paramsJson' | 'deadlineMs' | 'signal' | 'onNotification' | 'via'> {
  method: string
  onAsked?: (node: PeerIdString) => void
}

export interface DeliveryComponents {
  routing: Pick<Routing, 'choose' | 'began'>
  clock: Clock
  /** One attempt, at one provider. */
  send: (at: Target, request: Sent) => Promise<McpReply>
}

/**
 * Brings a request to one of a unit's providers, and to another when the first did not take it: within the deadline, each provider once. What was
 * sent and not answered is sent again only where that does no harm. The answer, or why there is none: as soon as one of the providers
 * may have executed the request, that its outcome is unknown.
 */
export async function deliver(target: Target, request: Sent, components: DeliveryComponents): Promise<McpReply> {
  const { routing, clock, send } = components
  const { unit } = target
  const endMs = clock.monotonicMs() + request.deadlineMs
  const tried = new Set<PeerIdString>()
  const onNotification = target.isRepeatable ? onlyForward(request.onNotification) : request.onNotification
  let failure: unknown
  for (;;) {
    const nowMs = clock.monotonicMs()
    const node = routing.choose(target, tried, nowMs)
    const deadlineMs = endMs - nowMs
    if (node === undefined || (deadlineMs <= 0 && tried.size > 0)) throw failure
    tried.add(node)
    const ended = routing.began(unit, node, nowMs)
    try {
      const reply = await send({ ...target, node }, { ...request, deadlineMs, onNotification })
      ended('answered', clock.monotonicMs())
      return reply
    } catch (error) {
      ended(request.signal.aborted ? 'cancelled' : 'failed', clock.monotonicMs())
      // Once it may have been done, that others surely did nothing says nothing.
      if (failure === undefined || isRefusal(failure)) failure = error
      if (request.signal.aborted || !mayGoOn(error, target)) throw failure
    }
  }
}

function mayGoOn(error: unknown, { isRepeatable }: Target): boolean {
  // It is the unit that is stopped, at whichever provider.
  if (error instanceof UnitStoppedError) return false
  if (isRefusal(error)) return true
  if (error instanceof InvalidArgumentError) return false
  return isRepeatable && (error instanceof OutcomeUnknownError || error instanceof RemoteError)
}

/** A request that is begun again counts its progress anew, and what a client sees of it must only grow (MCP, "Progress flow"). */
function onlyForward(onNotification: Sent['onNotification']): Sent['onNotification'] {
  let seen = -Infinity
  return (method, json) => {
    if (method === 'notifications/progress') {
      const progress = progressOf(json)
      if (!(progress > seen)) return
      seen = progress
    }
    onNotification(method, json)
  }
}

/** NaN where another node sent what is no progress. */
function progressOf(json: string): number {
  try {
    const { progress } = JSON.parse(json) as { progress?: unknown }
    return typeof progress === 'number' ? progress : NaN
  } catch {
    return NaN
  }
}
