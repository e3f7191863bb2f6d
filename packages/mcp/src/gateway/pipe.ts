import { BusyError } from '@vsmcp/kernel'
import type { Changes } from './changes.ts'
import { IN_FLIGHT_PER_PEER_MAX } from './constants.ts'
import type { Dispatcher, Outcome } from './dispatcher.ts'
import { classify, NOT_INITIALIZED } from './envelope.ts'
import type { Identity } from './identity.ts'
import { changeTexts, LegacyPeer } from './legacy-peer.ts'
import { type Message, type NotificationMessage, parseMessage, type RequestMessage } from './message.ts'
import { errorText, fromThrown, INVALID_REQUEST, notificationText, resultText, type RpcError, rpcError } from './rpc.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'

export interface PipeComponents {
  dispatcher: Dispatcher
  identity: Identity
  changes: Changes
  subscriptions: Subscriptions
  /** One JSON-RPC message to the client that must arrive. */
  send: (json: string) => void
  /** One that may be left out when the client does not keep up. */
  notify: (json: string) => void
}

/**
 * One client on a channel that both sides share, such as stdin and stdout: messages in, messages out. Each message tells its own
 * era; `initialize` opens the legacy one, after which the client is also told of changes unasked.
 */
export class Pipe {
  readonly #dispatcher: Dispatcher
  readonly #identity: Identity
  readonly #changes: Changes
  readonly #subscriptions: Subscriptions
  readonly #send: (json: string) => void
  readonly #notify: (json: string) => void
  /** Modern requests in flight. */
  readonly #inFlight = new Map<string | number, AbortController>()
  readonly #listening = new Map<string | number, Subscription>()
  #legacy: LegacyPeer | undefined
  #unsubscribe: (() => void) | undefined

  constructor({ dispatcher, identity, changes, subscriptions, send, notify }: PipeComponents) {
    this.#dispatcher = dispatcher
    this.#identity = identity
    this.#changes = changes
    this.#subscriptions = subscriptions
    this.#send = send
    this.#notify = notify
  }

  /** Resolves when the message has been dealt with, whatever it was. */
  async receive(text: string): Promise<void> {
    const message = parseMessage(text)
    if (message.kind !== 'batch') {
      const answer = await this.#one(message)
      if (answer !== undefined) this.#send(answer)
      return
    }
    if (this.#legacy?.allowsBatches !== true) {
      this.#send(
        errorText(null, rpcError(INVALID_REQUEST, 'Invalid Request: batches are not part of the protocol revision in use')),
      )
      return
    }
    const answers = await Promise.all(message.messages.map((element) => this.#one(element)))
    const given = answers.filter((answer) => answer !== undefined)
    if (given.length > 0) this.#send(`[${given.join(',')}]`)
  }

  /** The client cannot be heard or reached any more. */
  close(): void {
    this.#unsubscribe?.()
    this.#legacy?.close()
    for (const subscription of this.#listening.values()) subscription.cancel()
    this.#listening.clear()
    for (const abort of this.#inFlight.values()) abort.abort()
    this.#inFlight.clear()
  }

  async #one(message: Message): Promise<string | undefined> {
    if (message.kind === 'response') return undefined
    if (message.kind === 'invalid') return errorText(message.idJson, message.error)
    const classified = classify(message, undefined)
    if (message.kind === 'notification') {
      this.#notification(message)
      return undefined
    }
    if (classified.era === 'refused') return errorText(message.idJson, classified.error)
    const outcome = classified.era === 'modern' ? await this.#modernRequest(message) : await this.#legacyRequest(message)
    if (outcome === undefined) return undefined
    return 'error' in outcome ? errorText(message.idJson, outcome.error) : resultText(message.idJson, outcome.resultJson)
  }

  /** A cancellation names a request by its id alone, so both eras are looked through. */
  #notification(message: NotificationMessage): void {
    const { requestId } = message.params
    if (message.method === 'notifications/cancelled' && (typeof requestId === 'string' || typeof requestId === 'number')) {
      this.#listening.get(requestId)?.cancel()
      this.#listening.delete(requestId)
      const abort = this.#inFlight.get(requestId)
      this.#inFlight.delete(requestId)
      abort?.abort()
    }
    this.#legacy?.notification(message)
  }

  async #modernRequest(message: RequestMessage): Promise<Outcome | undefined> {
    if (this.#inFlight.has(message.id) || this.#listening.has(message.id)) {
      return {
        error: rpcError(INVALID_REQUEST, `Invalid Request: the id ${message.idJson} is in use by a request not yet answered`),
      }
    }
    if (message.method === 'subscriptions/listen') return this.#listen(message)
    if (this.#inFlight.size >= IN_FLIGHT_PER_PEER_MAX) {
      return { error: fromThrown(new BusyError(`this client has ${IN_FLIGHT_PER_PEER_MAX} requests in flight`), 'modern') }
    }
    const abort = new AbortController()
    this.#inFlight.set(message.id, abort)
    const outcome = await this.#dispatcher.handle(message, { era: 'modern' }, abort, (method, json) => {
      if (this.#inFlight.get(message.id) === abort) this.#notify(notificationText(method, json))
    })
    if (this.#inFlight.get(message.id) !== abort) return undefined
    this.#inFlight.delete(message.id)
    return outcome
  }

  #listen(message: RequestMessage): { error: RpcError } | undefined {
    const open = this.#subscriptions.prepare(message)
    if (typeof open !== 'function') return { error: open }
    let isOver = false
    const subscription = open({
      send: this.#notify,
      end: (json) => {
        isOver = true
        this.#listening.delete(message.id)
        this.#send(json)
      },
    })
    if (!isOver) this.#listening.set(message.id, subscription)
    return undefined
  }

  async #legacyRequest(message: RequestMessage): Promise<Outcome | undefined> {
    if (message.method === 'initialize') return this.#initialize(message)
    const peer = this.#legacy
    if (peer === undefined) return message.method === 'ping' ? { resultJson: '{}' } : { error: NOT_INITIALIZED }
    return peer.request(message, (method, json) => this.#notify(notificationText(method, json)))
  }

  #initialize(message: RequestMessage): Outcome {
    const peer = new LegacyPeer(this.#dispatcher)
    const outcome = peer.initialize(message, this.#identity)
    if ('error' in outcome) return outcome
    this.#legacy?.close()
    this.#legacy = peer
    this.#unsubscribe ??= this.#changes.subscribe((kinds) => {
      for (const text of changeTexts(kinds)) this.#notify(text)
    })
    return outcome
  }
}
