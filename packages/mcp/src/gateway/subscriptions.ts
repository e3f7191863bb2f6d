import { SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server'
import type { Changes } from './changes.ts'
import type { ListingKind } from './contract.ts'
import type { Identity } from './identity.ts'
import { isObject, type RequestMessage } from './message.ts'
import type { Quota } from './quota.ts'
import { INTERNAL_ERROR, INVALID_PARAMS, notificationText, resultText, type RpcError, rpcError } from './rpc.ts'

/** Members of the filter that can be honoured, and what they select. `resourceSubscriptions` cannot: updates do not travel yet. */
const FILTERS: Readonly<Record<string, ListingKind>> = {
  toolsListChanged: 'tools',
  promptsListChanged: 'prompts',
  resourcesListChanged: 'resources',
}

export interface Subscription {
  /** Ends it from our side: the client is told so by an orderly answer. */
  close(): void
  /** The client is gone or has cancelled: nothing more is said. */
  cancel(): void
}

/** What a subscription needs of its stream. */
export interface SubscriptionSink {
  /** One JSON-RPC message. */
  send(json: string): void
  /** The last message; the stream ends with it. */
  end(json: string): void
}

function isFilter(value: unknown): value is Record<string, unknown> {
  if (!isObject(value)) return false
  const uris = value['resourceSubscriptions']
  const areUris = uris === undefined || (Array.isArray(uris) && uris.every((uri) => typeof uri === 'string'))
  return areUris && Object.keys(FILTERS).every((key) => value[key] === undefined || typeof value[key] === 'boolean')
}

/** `subscriptions/listen` (2026-07-28, "Subscriptions"), the same over HTTP and pipes. */
export class Subscriptions {
  readonly #changes: Changes
  readonly #identity: Identity
  readonly #quota: Quota
  readonly #open = new Set<Subscription>()

  constructor(changes: Changes, identity: Identity, quota: Quota) {
    this.#changes = changes
    this.#identity = identity
    this.#quota = quota
  }

  get size(): number {
    return this.#open.size
  }

  /**
   * Checks the request. @returns an error, or what opens the subscription: the acknowledgement is the first it sends.
   */
  prepare(message: RequestMessage): RpcError | ((sink: SubscriptionSink) => Subscription) {
    const filter = message.params['notifications']
    if (!isFilter(filter)) {
      return rpcError(INVALID_PARAMS, "Invalid params: 'notifications' is required and must be a subscription filter")
    }
    if (!this.#quota.take()) {
      const hint = 'Close a subscription that is not needed, or ask again later.'
      return rpcError(INTERNAL_ERROR, 'too many subscriptions are open', { code: 'VSMCP_BUSY', hint })
    }
    const keys = Object.keys(FILTERS).filter((key) => filter[key] === true)
    return (sink) => this.#openOne(message.idJson, keys, sink)
  }

  closeAll(): void {
    for (const subscription of this.#open) subscription.close()
  }

  #openOne(idJson: string, keys: readonly string[], sink: SubscriptionSink): Subscription {
    const stamp = `${JSON.stringify(SUBSCRIPTION_ID_META_KEY)}:${idJson}`
    const wanted = new Set(keys.map((key) => FILTERS[key]))
    const unsubscribe = this.#changes.subscribe((kinds) => {
      for (const kind of kinds) {
        if (wanted.has(kind)) sink.send(notificationText(`notifications/${kind}/list_changed`, `{"_meta":{${stamp}}}`))
      }
    })
    const cancel = (): void => {
      if (!this.#open.delete(subscription)) return
      unsubscribe()
      this.#quota.release()
    }
    const subscription: Subscription = {
      cancel,
      close: () => {
        if (!this.#open.has(subscription)) return
        cancel()
        sink.end(resultText(idJson, `{"resultType":"complete","_meta":{${stamp},${this.#identity.metaMember}}}`))
      },
    }
    this.#open.add(subscription)
    const honored = JSON.stringify(Object.fromEntries(keys.map((key) => [key, true])))
    sink.send(notificationText('notifications/subscriptions/acknowledged', `{"_meta":{${stamp}},"notifications":${honored}}`))
    // Nothing of what was asked for can come: say so at once instead of holding a stream for ever.
    if (keys.length === 0) subscription.close()
    return subscription
  }
}
