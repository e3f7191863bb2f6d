import {
  type CallHandler,
  type CallOptions,
  type Gossip,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Plane,
  type Random,
  RemoteError,
  toErrorShape,
} from '@vsmcp/kernel'
import type { ManualClock } from './manual-clock.ts'

export interface Faults {
  /** Chance that a gossip message does not reach one receiver. */
  loss: number
  /** Chance that it reaches it twice. */
  duplication: number
  /** Chance that a request or its answer is lost. */
  callLoss: number
  /** Longest delay of any message; each has its own, so they overtake one another. */
  delayMaxMs: number
}

export const NO_FAULTS: Faults = { loss: 0, duplication: 0, callLoss: 0, delayMaxMs: 5 }

interface Endpoint {
  handlers: Map<string, CallHandler>
  listeners: Map<string, Set<(from: PeerIdString, payload: Uint8Array) => void>>
}

export interface Call {
  from: PeerIdString
  to: PeerIdString
  method: string
  requestBytes: number
  answerBytes: number
}

/** Planes and gossip between nodes of one process, with faults drawn from a seeded source. */
export class Network {
  faults: Faults = NO_FAULTS
  readonly calls: Call[] = []
  /** Every gossip message published. */
  readonly published: { from: PeerIdString; payload: Uint8Array }[] = []
  readonly #clock: ManualClock
  readonly #random: Random
  readonly #endpoints = new Map<PeerIdString, Endpoint>()
  readonly #links = new Set<string>()

  constructor(clock: ManualClock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** A node that was there before is gone from here on. */
  attach(self: PeerIdString): { plane: Plane; gossip: Gossip } {
    const endpoint: Endpoint = { handlers: new Map(), listeners: new Map() }
    this.#endpoints.set(self, endpoint)
    const isAlive = (): boolean => this.#endpoints.get(self) === endpoint
    return {
      plane: {
        call: (peer, method, payload, options) =>
          isAlive() ? this.#call(self, peer, method, payload, options) : Promise.reject(new NotSentError('dead')),
        notify: () => false,
        handle: (method, handler) => void endpoint.handlers.set(method, handler),
        onNotice: () => undefined,
      },
      gossip: {
        publish: (topic, payload) => (isAlive() ? this.#publish(self, topic, payload) : Promise.resolve()),
        subscribe: (topic, handler) => {
          const set = endpoint.listeners.get(topic) ?? new Set()
          endpoint.listeners.set(topic, set)
          set.add(handler)
          return () => set.delete(handler)
        },
      },
    }
  }

  isLinked(a: PeerIdString, b: PeerIdString): boolean {
    return this.#links.has(linkOf(a, b))
  }

  link(a: PeerIdString, b: PeerIdString): void {
    this.#links.add(linkOf(a, b))
  }

  unlink(a: PeerIdString, b: PeerIdString): void {
    this.#links.delete(linkOf(a, b))
  }

  /** As somebody who is no honest node sends it. */
  inject(from: PeerIdString, to: PeerIdString, topic: string, payload: Uint8Array): void {
    for (const listener of this.#endpoints.get(to)?.listeners.get(topic) ?? []) listener(from, payload)
  }

  async request(from: PeerIdString, to: PeerIdString, method: string, payload: Uint8Array): Promise<Uint8Array> {
    const handler = this.#endpoints.get(to)?.handlers.get(method)
    if (handler === undefined) throw new NotSentError(`${to} does not answer ${method}`)
    try {
      const signal = new AbortController().signal
      return await handler({ peer: from, payload, deadlineMs: 1_000, signal, progress: () => Promise.resolve() })
    } catch (error) {
      const { code, message } = toErrorShape(error)
      throw new RemoteError(code, message)
    }
  }

  #call(from: PeerIdString, to: PeerIdString, method: string, payload: Uint8Array, options: CallOptions): Promise<Uint8Array> {
    const aborted = new Promise<never>((_resolve, reject) => {
      options.signal?.addEventListener('abort', () => reject(new OutcomeUnknownError('cancelled')))
    })
    return Promise.race([aborted, this.#exchange(from, to, method, payload, options)])
  }

  async #exchange(
    from: PeerIdString,
    to: PeerIdString,
    method: string,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<Uint8Array> {
    if (!this.isLinked(from, to)) throw new NotSentError(`no connection to ${to}`)
    await this.#pass()
    if (this.#isLost()) return this.#silence(options)
    const answer = await this.request(from, to, method, payload.slice())
    await this.#pass()
    if (this.#isLost() || !this.isLinked(from, to)) return this.#silence(options)
    this.calls.push({ from, to, method, requestBytes: payload.length, answerBytes: answer.length })
    return answer.slice()
  }

  async #silence(options: CallOptions): Promise<never> {
    await this.#wait(options.deadlineMs)
    throw new OutcomeUnknownError('no answer')
  }

  #publish(from: PeerIdString, topic: string, payload: Uint8Array): Promise<void> {
    this.published.push({ from, payload: payload.slice() })
    for (const to of this.#endpoints.keys()) {
      if (to === from) continue
      const copies = this.#random.next() < this.faults.duplication ? 2 : 1
      for (let copy = 0; copy < copies; copy++) this.#deliver(from, to, topic, payload)
    }
    return Promise.resolve()
  }

  #deliver(from: PeerIdString, to: PeerIdString, topic: string, payload: Uint8Array): void {
    if (this.#random.next() < this.faults.loss || !this.isLinked(from, to)) return
    this.#clock.after(this.#delayMs(), () => {
      if (this.isLinked(from, to)) this.inject(from, to, topic, payload.slice())
    })
  }

  #isLost(): boolean {
    return this.#random.next() < this.faults.callLoss
  }

  #delayMs(): number {
    return this.#random.next() * this.faults.delayMaxMs
  }

  #pass(): Promise<void> {
    return this.#wait(this.#delayMs())
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }
}

function linkOf(a: PeerIdString, b: PeerIdString): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
