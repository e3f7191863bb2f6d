import type { Client } from '@modelcontextprotocol/client'
import { backoffMs, type Clock, messageOf, type Random, type Timer } from '@vsmcp/kernel'
import {
  PROBE_TIMEOUT_MS,
  RELISTEN_ATTEMPTS_MAX,
  RELISTEN_BASE_MS,
  RELISTEN_MAX_MS,
  STREAM_STABLE_AFTER_MS,
} from './constants.ts'
import type { JsonObject } from './params.ts'

/** Delays between attempts to open an event stream again, growing while streams do not last. */
export class ReopeningPace {
  readonly #clock: Clock
  readonly #random: Random
  #attempts = 0
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  nextDelayMs(): number {
    const now = this.#clock.monotonicMs()
    if (now - this.#lastMs > STREAM_STABLE_AFTER_MS) this.#attempts = 0
    this.#lastMs = now
    return backoffMs(this.#attempts++, this.#random, { baseMs: RELISTEN_BASE_MS, maxMs: RELISTEN_MAX_MS })
  }
}

export interface ListenerInit {
  client: Client
  capabilities: JsonObject
  /** Changes may have gone unseen. */
  onListChanged: () => void
  /** The server cannot be listened to any more. */
  onLost: () => void
  onTrouble: (text: string) => void
}

/** Listens as long as the connection lives; resolves once it does, or once it is known that it cannot. */
export async function listenUntil(closed: Promise<unknown>, init: ListenerInit, clock: Clock, random: Random): Promise<void> {
  const listener = new Listener(init, clock, random)
  void closed.then(() => listener.stop())
  await listener.start()
}

function announces(capabilities: JsonObject, kind: string): boolean {
  return (capabilities[kind] as { listChanged?: unknown } | undefined)?.listChanged === true
}

/** Keeps a modern server's `subscriptions/listen` open: it tells of changes only to who listens. */
class Listener {
  readonly #init: ListenerInit
  readonly #clock: Clock
  readonly #pace: ReopeningPace
  #retry: Timer | undefined
  #isStopped = false

  constructor(init: ListenerInit, clock: Clock, random: Random) {
    this.#init = init
    this.#clock = clock
    this.#pace = new ReopeningPace(clock, random)
  }

  /** A server that refuses to be listened to works all the same; its changes go unseen until it restarts. */
  async start(): Promise<void> {
    try {
      await this.#listen()
    } catch (error) {
      this.#init.onTrouble(`the server announces changes but cannot be listened to: ${messageOf(error)}`)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#retry?.cancel()
  }

  async #listen(): Promise<void> {
    const { client, capabilities } = this.#init
    const filter = {
      ...(announces(capabilities, 'tools') && { toolsListChanged: true }),
      ...(announces(capabilities, 'prompts') && { promptsListChanged: true }),
      ...(announces(capabilities, 'resources') && { resourcesListChanged: true }),
    }
    if (Object.keys(filter).length === 0) return
    const subscription = await client.listen(filter, { timeout: PROBE_TIMEOUT_MS })
    void subscription.closed.then(() => this.#again(0))
  }

  #again(failures: number): void {
    if (this.#isStopped) return
    if (failures >= RELISTEN_ATTEMPTS_MAX) return this.#init.onLost()
    this.#retry = this.#clock.after(this.#pace.nextDelayMs(), () => {
      this.#listen().then(
        () => this.#init.onListChanged(),
        () => this.#again(failures + 1),
      )
    })
  }
}
