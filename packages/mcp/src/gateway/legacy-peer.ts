import { BusyError } from '@vsmcp/kernel'
import { BATCH_VERSION, CAPABILITIES_BYTES_MAX, IN_FLIGHT_PER_PEER_MAX } from './constants.ts'
import type { ListingKind } from './contract.ts'
import type { Caller, Dispatcher, Outcome } from './dispatcher.ts'
import { isLogLevel, type LogLevel } from './envelope.ts'
import type { Identity } from './identity.ts'
import { isObject, type JsonObject, type NotificationMessage, type RequestMessage } from './message.ts'
import { fromThrown, INVALID_PARAMS, INVALID_REQUEST, notificationText, rpcError } from './rpc.ts'

/** What a client of the legacy era said of itself in `initialize`. Later bridges ask it for input only if it can give it. */
export interface LegacyClient {
  readonly name: string
  readonly version: string
  readonly capabilities: JsonObject
}

const NAME_LENGTH_MAX = 128

function short(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, NAME_LENGTH_MAX) : ''
}

/**
 * One client of the legacy era, from `initialize` to its end: an HTTP session or a pipe. Holds what the era lets a server
 * remember: the revision agreed on, the log level, the requests in flight that may be cancelled by id.
 */
export class LegacyPeer {
  readonly #dispatcher: Dispatcher
  readonly #inFlight = new Map<string | number, AbortController>()
  #logLevel: LogLevel | undefined
  #protocolVersion = ''
  #client: LegacyClient = { name: '', version: '', capabilities: {} }

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  get protocolVersion(): string {
    return this.#protocolVersion
  }

  get client(): LegacyClient {
    return this.#client
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  get allowsBatches(): boolean {
    return this.#protocolVersion === BATCH_VERSION
  }

  /** The handshake. */
  initialize(message: RequestMessage, identity: Identity): Outcome {
    const { protocolVersion: requested, capabilities, clientInfo } = message.params
    if (typeof requested !== 'string') {
      return { error: rpcError(INVALID_PARAMS, 'Invalid params: initialize needs "protocolVersion"') }
    }
    const { protocolVersion, resultJson } = identity.initializeResult(requested)
    this.#protocolVersion = protocolVersion
    const info = isObject(clientInfo) ? clientInfo : {}
    const isKept = isObject(capabilities) && JSON.stringify(capabilities).length <= CAPABILITIES_BYTES_MAX
    this.#client = { name: short(info['name']), version: short(info['version']), capabilities: isKept ? capabilities : {} }
    return { resultJson }
  }

  /**
   * @param notify for progress and log messages of this request
   * @returns `undefined` when the client cancelled it: then nothing must be answered
   */
  async request(message: RequestMessage, notify: (method: string, paramsJson: string) => void): Promise<Outcome | undefined> {
    if (message.method === 'logging/setLevel') return this.#setLevel(message.params['level'])
    if (this.#inFlight.has(message.id)) {
      return {
        error: rpcError(INVALID_REQUEST, `Invalid Request: the id ${message.idJson} is in use by a request not yet answered`),
      }
    }
    if (this.#inFlight.size >= IN_FLIGHT_PER_PEER_MAX) {
      const busy = new BusyError(`this client has ${IN_FLIGHT_PER_PEER_MAX} requests in flight`)
      return { error: fromThrown(busy, 'legacy') }
    }
    const abort = new AbortController()
    this.#inFlight.set(message.id, abort)
    const caller: Caller = { era: 'legacy', logLevel: this.#logLevel }
    const outcome = await this.#dispatcher.handle(message, caller, abort, notify)
    const wasCancelled = this.#inFlight.get(message.id) !== abort
    if (!wasCancelled) this.#inFlight.delete(message.id)
    return wasCancelled ? undefined : outcome
  }

  /** Unknown notifications, and cancelling what is not in flight, have no effect, as the spec wants. */
  notification({ method, params }: NotificationMessage): void {
    if (method !== 'notifications/cancelled') return
    const { requestId } = params
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return
    const abort = this.#inFlight.get(requestId)
    this.#inFlight.delete(requestId)
    abort?.abort()
  }

  /** Ends all that is in flight. */
  close(): void {
    for (const abort of this.#inFlight.values()) abort.abort()
    this.#inFlight.clear()
  }

  #setLevel(level: unknown): Outcome {
    if (!isLogLevel(level)) return { error: rpcError(INVALID_PARAMS, 'Invalid params: "level" is no log level') }
    this.#logLevel = level
    return { resultJson: '{}' }
  }
}

/** What legacy clients hear when the listing changes, unasked. */
export function changeTexts(kinds: ReadonlySet<ListingKind>): readonly string[] {
  return [...kinds].map((kind) => notificationText(`notifications/${kind}/list_changed`))
}
