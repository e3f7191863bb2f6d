import {
  type Clock,
  InvalidArgumentError,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Timer,
  type VsmcpError,
} from '@vsmcp/kernel'
import type { Era, McpReply, McpRequest } from '../contract.ts'
import { DEADLINE_MAX_MS, NOTIFICATIONS_PER_CALL_MAX } from './constants.ts'
import type { Incoming } from './incoming.ts'
import { isSevereEnough } from './log-level.ts'
import { type ParsedParams, parseParams } from './params.ts'

export type GivenUpReason = 'deadline' | 'cancelled'
export type UnansweredReason = GivenUpReason | 'died' | 'too-large'

/** How a call ended, for the unit's figures and its breaker. */
export type CallOutcome = 'answered' | 'refused' | 'not-sent' | UnansweredReason

const SAID: Readonly<Record<UnansweredReason, string>> = {
  deadline: 'gave no answer within',
  cancelled: 'was asked, then the call was cancelled after',
  died: 'went away without an answer after',
  'too-large': 'answered with more than may be passed on after',
}

/**
 * One request to a server from the moment it was asked for until somebody knows its end: answered, surely not sent, or sent
 * with the outcome unknown. It ends once; what comes later is dropped.
 */
export class Call {
  readonly method: string
  readonly params: ParsedParams
  readonly deadlineMs: number
  readonly caller: PeerIdString
  readonly reply: Promise<McpReply>
  /** Set by the connection that takes it. */
  id = 0
  /** Whether a byte of it may have reached the server. */
  isWritten = false
  /** Tells the server that nobody waits any more; set by the connection. */
  onGivenUp: ((reason: GivenUpReason) => void) | undefined
  /** Called once, at the end, before the caller learns of it. */
  onEnd: ((outcome: CallOutcome, latencyMs: number) => void) | undefined
  readonly #unit: string
  readonly #clock: Clock
  readonly #request: McpRequest
  readonly #settle: PromiseWithResolvers<McpReply>
  readonly #timer: Timer
  /** By the clock it was made with. */
  readonly beganMs: number
  #isEnded = false
  #notified = 0

  /** @throws `InvalidArgumentError` for params that are no object, or no deadline */
  constructor(unit: string, request: McpRequest, clock: Clock) {
    if (!(request.deadlineMs >= 0)) throw new InvalidArgumentError(`a deadline of ${request.deadlineMs} ms is none`)
    this.params = parseParams(request.paramsJson)
    this.method = request.method
    this.caller = request.caller ?? ''
    this.deadlineMs = Math.min(request.deadlineMs, DEADLINE_MAX_MS)
    this.#unit = unit
    this.#clock = clock
    this.#request = request
    this.#settle = Promise.withResolvers<McpReply>()
    this.reply = this.#settle.promise
    this.beganMs = clock.monotonicMs()
    this.#timer = clock.after(this.deadlineMs, () => this.#giveUp('deadline'))
    if (request.signal?.aborted === true) this.#giveUp('cancelled')
    else request.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Groups of the mesh it has come through. */
  get via(): readonly string[] {
    return this.#request.via ?? []
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Ends it if its time has passed but its timer had no turn yet. @returns whether it has ended */
  endIfOverdue(): boolean {
    if (this.#elapsedMs() >= this.deadlineMs) this.#giveUp('deadline')
    return this.#isEnded
  }

  /** Milliseconds until its deadline. */
  get leftMs(): number {
    return this.deadlineMs - this.#elapsedMs()
  }

  get wantsProgress(): boolean {
    return this.params.progressToken !== undefined && this.#request.onNotification !== undefined
  }

  /** Level from which on it wants log messages. */
  get logLevel(): string | undefined {
    return this.#request.onNotification === undefined ? undefined : this.params.logLevel
  }

  answer(era: Era, incoming: Extract<Incoming, { kind: 'answer' }>): void {
    const { resultJson, error } = incoming
    if (resultJson !== undefined) this.#end('answered', () => this.#settle.resolve({ era, resultJson }))
    else if (error !== undefined) this.#end('refused', () => this.#settle.resolve({ era, error }))
  }

  /** Hands a notification of this call to its caller, with the caller's own progress token. */
  notify(incoming: Extract<Incoming, { kind: 'notification' }>): void {
    const { method, params, paramsJson } = incoming
    if (this.#isEnded || this.#request.onNotification === undefined || this.#notified >= NOTIFICATIONS_PER_CALL_MAX) return
    if (method === 'notifications/message' && !isSevereEnough(params['level'], this.logLevel)) return
    if (method === 'notifications/progress' && !this.wantsProgress) return
    this.#notified++
    const text =
      method === 'notifications/progress'
        ? JSON.stringify({ ...params, progressToken: this.params.progressToken })
        : (paramsJson ?? '{}')
    this.#request.onNotification(method, text)
  }

  /** The connection is gone or cannot take it. */
  fail(reason: 'died' | 'too-large', what: string): void {
    if (this.isWritten) this.#end(reason, () => this.#settle.reject(this.#unknown(reason, what)))
    else this.reject(this.#notSent(what))
  }

  /** It surely was not executed. */
  reject(error: VsmcpError): void {
    this.#end('not-sent', () => this.#settle.reject(error))
  }

  #end(outcome: CallOutcome, settle: () => void): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#timer.cancel()
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
    this.onEnd?.(outcome, this.#elapsedMs())
    settle()
  }

  readonly #onAbort = (): void => this.#giveUp('cancelled')

  #giveUp(reason: GivenUpReason): void {
    if (this.#isEnded) return
    if (!this.isWritten) {
      const why = reason === 'deadline' ? `its ${Math.round(this.deadlineMs)} ms passed before` : 'it was cancelled before'
      this.reject(this.#notSent(`${why} it could be sent`))
      return
    }
    const tell = this.onGivenUp
    this.#end(reason, () => this.#settle.reject(this.#unknown(reason)))
    tell?.(reason)
  }

  #elapsedMs(): number {
    return this.#clock.monotonicMs() - this.beganMs
  }

  #notSent(what: string): NotSentError {
    return new NotSentError(`${this.method} was not sent to unit ${this.#unit}: ${what}`, {
      hint: 'Nothing was executed; it is safe to try again.',
      details: { unit: this.#unit, method: this.method },
    })
  }

  #unknown(reason: UnansweredReason, what?: string): OutcomeUnknownError {
    const message = `unit ${this.#unit} ${SAID[reason]} ${Math.round(this.#elapsedMs())} ms (${this.method})`
    return new OutcomeUnknownError(what === undefined ? message : `${message}: ${what}`, {
      hint: 'It may or may not have been executed: look at its effect before you repeat it.',
      details: { unit: this.#unit, method: this.method, reason },
    })
  }
}
