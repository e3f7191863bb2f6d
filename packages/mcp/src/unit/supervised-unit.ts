import {
  backoffMs,
  type CallerAccount,
  type Clock,
  Emitter,
  InvalidArgumentError,
  type Latencies,
  type Logger,
  messageOf,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Random,
  type UnitCounters,
  type UnitLimits,
  VsmcpError,
} from '@vsmcp/kernel'
import type { Definitions, McpReply, McpRequest, Unit, UnitEvents, UnitSource, UnitState, UnitStats } from '../contract.ts'
import { CallDesk } from './call-desk.ts'
import type { Connect, Connection, ConnectionHooks } from './connection.ts'
import {
  FAST_FAILURES_MAX,
  PROBE_TIMEOUT_MS,
  RESTART_BASE_MS,
  RESTART_MAX_MS,
  STABLE_AFTER_MS,
  STDERR_LINES_SHOWN,
} from './constants.ts'
import { readDefinitions } from './definitions.ts'
import { UnitStartError } from './errors.ts'
import { LogPipe } from './log-pipe.ts'
import { quote } from './quote.ts'
import { Refetcher } from './refetcher.ts'

export interface SupervisedUnitInit {
  name: string
  kind: UnitSource['kind']
  startTimeoutMs: number
  connect: Connect
}

export interface SupervisedUnitComponents {
  clock: Clock
  random: Random
  logger: Logger
}

interface Established {
  connection: Connection
  definitions: Definitions
}

/** Keeps one server connected, knows what it offers, and starts it again when it dies. */
export class SupervisedUnit implements Unit {
  readonly name: string
  readonly kind: UnitSource['kind']
  readonly #init: SupervisedUnitInit
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #emitter: Emitter<UnitEvents>
  readonly #log: LogPipe
  readonly #desk: CallDesk
  readonly #refetcher: Refetcher
  /** Attempts that were given up but still clean up. */
  readonly #cleaning = new Set<Promise<unknown>>()
  #state: UnitState = 'stopped'
  #reason: string | undefined
  #definitions: Definitions | undefined
  #connection: Connection | undefined
  #life: AbortSignal = AbortSignal.abort()
  #endLife: () => void = () => {}
  #supervision: Promise<void> = Promise.resolve()
  #readySinceMs = 0
  #failures = 0
  #restarts = 0
  #suspicion: string | undefined
  /** The first line on stdout, since the server was last started, that is no MCP. */
  #rubbish: string | undefined

  constructor(init: SupervisedUnitInit, { clock, random, logger }: SupervisedUnitComponents) {
    const { name, kind } = init
    this.name = name
    this.kind = kind
    this.#init = init
    this.#clock = clock
    this.#random = random
    this.#logger = logger.child({ unit: name })
    this.#emitter = new Emitter((error) => this.#logger.error({ error: messageOf(error) }, 'a listener of the unit failed'))
    this.#log = new LogPipe(clock, (line) => this.#emitter.emit('log', line))
    this.#desk = new CallDesk({ name, clock, onSuspicion: () => void this.#lookInto() })
    const onFailure = (text: string): void => this.#log.write('message', 'warning', text)
    this.#refetcher = new Refetcher({ fetch: async () => this.#refetch(), onFailure }, { clock, random })
  }

  get state(): UnitState {
    return this.#state
  }

  get reason(): string | undefined {
    return this.#reason
  }

  get isSuspect(): boolean {
    return this.#desk.isSuspect
  }

  get definitions(): Definitions | undefined {
    return this.#definitions
  }

  async start(): Promise<void> {
    this.#begin()
    try {
      const established = await this.#establish()
      this.#supervision = this.#supervise(established)
    } catch (error) {
      const told = this.#startError(error)
      this.#endLife()
      this.#enter('stopped', told.message)
      throw told
    }
  }

  startInBackground(): void {
    this.#begin()
    this.#supervision = this.#supervise()
  }

  async stop(): Promise<void> {
    this.#endLife()
    const connection = this.#leave()
    this.#enter('stopped')
    await connection?.close()
    await this.#supervision
    await Promise.all(this.#cleaning)
  }

  // oxlint-disable-next-line typescript/promise-function-async -- no second promise per call on the hot path
  request(request: McpRequest): Promise<McpReply> {
    return this.#desk.request(request, this.#whyNotReady)
  }

  stats(): UnitStats {
    return this.#desk.stats(this.#restarts)
  }

  counters(): UnitCounters {
    return this.#desk.counters()
  }

  accounts(): ReadonlyMap<PeerIdString, CallerAccount> {
    return this.#desk.accounts
  }

  latencies(last: number): Latencies | undefined {
    return this.#desk.latencies(last)
  }

  limit(limits: UnitLimits): void {
    this.#desk.limit(limits)
  }

  get limits(): UnitLimits {
    return this.#desk.limits
  }

  stderrTail(): readonly string[] {
    return this.#log.tail()
  }

  on<K extends keyof UnitEvents>(event: K, listener: (payload: UnitEvents[K]) => void): () => void {
    return this.#emitter.on(event, listener)
  }

  readonly #whyNotReady = (): string =>
    this.#reason === undefined ? `it is ${this.#state}` : `it is ${this.#state}: ${this.#reason}`

  #begin(): void {
    if (!this.#life.aborted) throw new InvalidArgumentError(`unit ${this.name} is started already`)
    const life = new AbortController()
    this.#life = life.signal
    this.#endLife = () => life.abort()
    this.#failures = 0
    this.#enter('starting')
  }

  #enter(state: UnitState, reason?: string): void {
    this.#state = state
    this.#reason = reason
    this.#emitter.emit('state', reason === undefined ? { state } : { state, reason })
  }

  /** Sends no more calls to the connection there is. */
  #leave(): Connection | undefined {
    const connection = this.#connection
    this.#connection = undefined
    this.#desk.use(undefined)
    this.#refetcher.cancel()
    return connection
  }

  /** Runs as long as the unit does: waits for the server's end, waits a while, starts it again. */
  async #supervise(first?: Established): Promise<void> {
    const life = this.#life
    let established = first
    while (!life.aborted) {
      let reason: string
      try {
        established ??= await this.#establish()
        this.#ready(established)
        reason = await established.connection.closed
        this.#restarts++
      } catch (error) {
        reason = messageOf(error)
      }
      established = undefined
      if (life.aborted) break
      await this.#backOff(this.#suspicion ?? reason, life)
      this.#suspicion = undefined
      if (!life.aborted) this.#enter('starting', this.#reason)
    }
    await established?.connection.close()
  }

  #ready({ connection, definitions }: Established): void {
    this.#connection = connection
    this.#readySinceMs = this.#clock.monotonicMs()
    this.#desk.use(connection)
    this.#publish(definitions)
    this.#enter('ready')
  }

  #publish(definitions: Definitions): void {
    this.#connection?.learn?.(definitions)
    const isNews = definitions.digest !== this.#definitions?.digest || definitions.era !== this.#definitions.era
    this.#definitions = definitions
    if (isNews) this.#emitter.emit('definitions', definitions)
  }

  async #backOff(reason: string, life: AbortSignal): Promise<void> {
    const wasStable = this.#connection !== undefined && this.#clock.monotonicMs() - this.#readySinceMs >= STABLE_AFTER_MS
    this.#leave()
    this.#failures = wasStable ? 1 : this.#failures + 1
    const hasFailed = this.#failures >= FAST_FAILURES_MAX
    const delayMs = hasFailed
      ? RESTART_MAX_MS
      : backoffMs(this.#failures - 1, this.#random, { baseMs: RESTART_BASE_MS, maxMs: RESTART_MAX_MS })
    this.#enter(hasFailed ? 'failed' : 'backing-off', reason)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(delayMs, resolve)
    const onEnd = (): void => resolve()
    life.addEventListener('abort', onEnd, { once: true })
    await promise
    life.removeEventListener('abort', onEnd)
    timer.cancel()
  }

  /** One attempt, from nothing to known definitions, within the start timeout. */
  async #establish(): Promise<Established> {
    await Promise.all(this.#cleaning)
    this.#log.clear()
    this.#rubbish = undefined
    const { startTimeoutMs } = this.#init
    const giveUp = new AbortController()
    const late = Promise.withResolvers<never>()
    const timer = this.#clock.after(startTimeoutMs, () => {
      late.reject(
        new UnitStartError(`unit ${this.name} did not start: its tools were not listed within ${startTimeoutMs} ms`, {
          hint: 'If it only needs longer, attach it with a longer --start-timeout.',
          details: { unit: this.name },
        }),
      )
      giveUp.abort()
    })
    const onEnd = (): void => giveUp.abort()
    this.#life.addEventListener('abort', onEnd, { once: true })
    const attempt = this.#attempt(giveUp.signal)
    const cleaned = attempt.then(
      () => {},
      () => {},
    )
    this.#cleaning.add(cleaned)
    void cleaned.then(() => this.#cleaning.delete(cleaned))
    try {
      return await Promise.race([attempt, late.promise])
    } catch (error) {
      // It may have come up in the very moment it was given up.
      void attempt.then(
        async ({ connection }) => connection.close(),
        () => {},
      )
      throw error
    } finally {
      timer.cancel()
      this.#life.removeEventListener('abort', onEnd)
    }
  }

  async #attempt(signal: AbortSignal): Promise<Established> {
    const connection = await this.#init.connect(this.#hooks(), signal)
    try {
      signal.throwIfAborted()
      return { connection, definitions: await this.#read(connection, signal) }
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  #hooks(): ConnectionHooks {
    return {
      onListChanged: () => {
        // Before the lists were read once there is nothing to read again.
        if (this.#connection !== undefined) this.#refetcher.request()
      },
      onRubbish: (line) => (this.#rubbish ??= quote(line)),
      onLog: (source, level, text) => this.#log.write(source, level, text),
    }
  }

  async #read(connection: Connection, signal: AbortSignal): Promise<Definitions> {
    const { startTimeoutMs } = this.#init
    return readDefinitions(
      this.name,
      connection.server,
      async (method, paramsJson) => this.#desk.ask(connection, { method, paramsJson, deadlineMs: startTimeoutMs, signal }),
      (text) => this.#log.write('message', 'warning', text),
    )
  }

  async #refetch(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    const definitions = await this.#read(connection, this.#life)
    if (connection === this.#connection) this.#publish(definitions)
  }

  /** Calls go unanswered: a ping tells a server that is slow from one that hangs, which is started again. */
  async #lookInto(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return
    this.#emitter.emit('suspicion', { isSuspect: true })
    const method = connection.server.era === 'modern' ? 'server/discover' : 'ping'
    try {
      await this.#desk.ask(connection, { method, paramsJson: '{}', deadlineMs: PROBE_TIMEOUT_MS, signal: this.#life })
      this.#desk.trust()
      this.#emitter.emit('suspicion', { isSuspect: false })
    } catch (error) {
      if (connection !== this.#connection) return
      this.#suspicion = `it no longer answers: ${messageOf(error)}`
      await connection.close()
    }
  }

  #startError(error: unknown): VsmcpError {
    // A request that a server died under while it came up is no call of anybody's: that it did not start is the news.
    const isCut = error instanceof NotSentError || error instanceof OutcomeUnknownError
    if (error instanceof VsmcpError && !(error instanceof UnitStartError) && !isCut) return error
    const stderr = this.#log.tail().slice(-STDERR_LINES_SHOWN)
    const message = error instanceof UnitStartError ? error.message : `unit ${this.name} did not start: ${messageOf(error)}`
    const rubbish =
      this.#rubbish === undefined ? '' : `\nOn stdout, where only MCP messages may be, it wrote first:\n  ${this.#rubbish}`
    const shown =
      stderr.length === 0 ? '' : `\nThe last lines it wrote on stderr:\n${stderr.map((line) => `  ${line}`).join('\n')}`
    const hint = error instanceof UnitStartError ? error.hint : undefined
    return new UnitStartError(message + rubbish + shown, {
      stderr,
      details: { unit: this.name },
      cause: error,
      ...(hint !== undefined && { hint }),
    })
  }
}
