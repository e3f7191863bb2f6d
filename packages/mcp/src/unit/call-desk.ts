import {
  BusyError,
  type CallerAccount,
  type Clock,
  InvalidArgumentError,
  type Latencies,
  NotSentError,
  type PeerIdString,
  telemetry,
  type UnitCounters,
  type UnitLimits,
  type VsmcpError,
} from '@vsmcp/kernel'
import type { McpReply, McpRequest, UnitStats } from '../contract.ts'
import { Breaker } from './breaker.ts'
import { Bulkhead } from './bulkhead.ts'
import { Call, type CallOutcome } from './call.ts'
import type { Connection } from './connection.ts'
import { IN_FLIGHT_MAX, QUEUE_LENGTH_MAX } from './constants.ts'
import { LatencyWindow } from './latency-window.ts'
import { Ledger } from './ledger.ts'

/** They would change the connection, which all callers share. */
const NOT_FOR_CALLERS: ReadonlySet<string> = new Set([
  'initialize',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
])

const operations = telemetry('vsmcp:system1:operation')

export interface CallDeskInit {
  name: string
  clock: Clock
  /** Several calls in a row went without any answer. Until `trust` is called nothing more is sent. */
  onSuspicion: () => void
}

/** Takes the calls for a unit, sends what may be sent, and keeps its figures. */
export class CallDesk {
  readonly #name: string
  readonly #clock: Clock
  readonly #bulkhead: Bulkhead
  readonly #breaker: Breaker
  readonly #latencies = new LatencyWindow()
  readonly #ledger = new Ledger()
  #connection: Connection | undefined
  #calls = 0
  #errors = 0

  constructor({ name, clock, onSuspicion }: CallDeskInit) {
    this.#name = name
    this.#clock = clock
    this.#bulkhead = new Bulkhead({ name, inFlightMax: IN_FLIGHT_MAX, queueLengthMax: QUEUE_LENGTH_MAX, clock })
    this.#breaker = new Breaker(onSuspicion)
  }

  /** Where calls go from now on; with `undefined` they are refused. */
  use(connection: Connection | undefined): void {
    this.#connection = connection
    this.#breaker.close()
  }

  /** The server has shown that it works. */
  trust(): void {
    this.#breaker.close()
  }

  get isSuspect(): boolean {
    return this.#breaker.isOpen
  }

  // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
  request(request: McpRequest, whyNotReady: () => string): Promise<McpReply> {
    let call: Call
    try {
      if (NOT_FOR_CALLERS.has(request.method)) throw this.#notForCallers(request.method)
      call = new Call(this.#name, request, this.#clock)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#calls++
    if (call.isEnded) {
      this.#errors++
      this.#ledger.ended(call.caller, 'not-sent', 0)
      this.#tell(call, 'not-sent', 0)
    } else this.#admit(call, whyNotReady)
    return call.reply
  }

  /** A request of the node itself, not counted and not queued. */
  async ask(connection: Connection, request: McpRequest): Promise<McpReply> {
    const call = new Call(this.#name, request, this.#clock)
    if (!call.isEnded) connection.send(call)
    return call.reply
  }

  stats(restarts: number): UnitStats {
    const [latencyP50Ms = null, latencyP99Ms = null] = this.#latencies.percentiles([0.5, 0.99])
    const { inFlight, queued } = this.#bulkhead
    return { calls: this.#calls, errors: this.#errors, inFlight, queued, restarts, latencyP50Ms, latencyP99Ms }
  }

  counters(): UnitCounters {
    return { ...this.#ledger.counts, ...this.#bulkhead.occupancy }
  }

  get accounts(): ReadonlyMap<PeerIdString, CallerAccount> {
    return this.#ledger.accounts
  }

  latencies(last: number): Latencies | undefined {
    return this.#latencies.last(last)
  }

  limit(limits: UnitLimits): void {
    this.#bulkhead.limit(limits)
  }

  get limits(): UnitLimits {
    return this.#bulkhead.limits
  }

  #admit(call: Call, whyNotReady: () => string): void {
    if (this.#connection === undefined || this.#breaker.isOpen) {
      const why = this.#breaker.isOpen ? 'it answers nothing, and is being looked into' : whyNotReady()
      return this.#refuse(call, this.#notReady(call, why))
    }
    if (this.#bulkhead.tryEnter(call.beganMs)) return this.#send(call, call.beganMs, whyNotReady)
    let leaveQueue = (): void => {}
    let isRefused = false
    const onRefused = (busy: BusyError): void => {
      isRefused = true
      call.reject(busy)
    }
    call.onEnd = (outcome, latencyMs) => {
      this.#errors++
      leaveQueue()
      this.#ledger.leftQueue(isRefused || call.leftMs <= 0 ? 'turnedAway' : 'cancelled')
      this.#tell(call, outcome, latencyMs)
    }
    try {
      const { caller, leftMs } = call
      const onPlace = (): void => this.#send(call, this.#clock.monotonicMs(), whyNotReady)
      leaveQueue = this.#bulkhead.wait({ caller, leftMs, onPlace, onRefused }, call.beganMs)
    } catch (error) {
      if (!(error instanceof BusyError)) throw error
      onRefused(error)
    }
  }

  /** With a place in the bulkhead, which is given back when the call ends. */
  #send(call: Call, placedMs: number, whyNotReady: () => string): void {
    call.onEnd = (outcome, latencyMs) => {
      this.#count(call, outcome, latencyMs)
      this.#tell(call, outcome, latencyMs)
      const endedMs = call.beganMs + latencyMs
      this.#bulkhead.leave(endedMs, outcome === 'not-sent' ? undefined : endedMs - placedMs)
    }
    // It may have waited too long, or while the server went away.
    if (call.endIfOverdue()) return
    if (this.#connection === undefined || this.#breaker.isOpen) call.reject(this.#notReady(call, whyNotReady()))
    else this.#connection.send(call)
  }

  #refuse(call: Call, why: VsmcpError): void {
    this.#errors++
    call.onEnd = (outcome, latencyMs) => {
      this.#ledger.ended(call.caller, outcome, latencyMs)
      this.#tell(call, outcome, latencyMs)
    }
    call.reject(why)
  }

  #count(call: Call, outcome: CallOutcome, latencyMs: number): void {
    this.#ledger.ended(call.caller, outcome, latencyMs)
    if (outcome === 'answered' || outcome === 'refused') {
      this.#latencies.record(latencyMs)
      this.#breaker.answered()
    } else if (outcome === 'deadline') this.#breaker.timedOut(call.deadlineMs)
    else if (outcome === 'died') this.#breaker.broke()
    if (outcome !== 'answered' && outcome !== 'cancelled') this.#errors++
  }

  #tell({ method }: Call, outcome: CallOutcome, durationMs: number): void {
    if (!operations.hasSubscribers) return
    const { inFlight, queued } = this.#bulkhead
    operations.publish({ unit: this.#name, method, durationMs, outcome, inFlight, queued })
  }

  #notReady(call: Call, why: string): NotSentError {
    return new NotSentError(`${call.method} was not sent to unit ${this.#name}: ${why}`, {
      hint: 'Nothing was executed. `vsmcp units` shows the state of the unit, `vsmcp logs` what its server wrote.',
      details: { unit: this.#name, method: call.method },
    })
  }

  #notForCallers(method: string): InvalidArgumentError {
    return new InvalidArgumentError(`${method} is not forwarded to unit ${this.#name}: it would change it for all callers`)
  }
}
