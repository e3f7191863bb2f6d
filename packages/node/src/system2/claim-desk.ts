import {
  BusyError,
  type ClaimedResource,
  type Clock,
  type KeyValueStore,
  type Logger,
  messageOf,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Startable,
  telemetry,
  type Timer,
  type UnitName,
} from '@vsmcp/kernel'
import { type GroupState, ORGANS_LEVEL, type ResourceClaim } from '@vsmcp/consensus'
import { type McpReply, type McpRequest, withMeta } from '@vsmcp/mcp'
import { CLAIM_CALLS_WAITING_MAX, type ClaimEffect, ClaimHolder, type ClaimToken, contended, ResourceFence } from '@vsmcp/vsm'
import { z } from 'zod'
import { CLAIMS_GIVEN_BACK_MS } from '../constants.ts'
import type { Decisions } from '../system5/decisions.ts'
import type { GroupLog } from '../system5/group-log.ts'

/** Member of `_meta` that tells a server what it was granted, so that it, or the resource behind it, can refuse an older token. */
const CLAIMS_META_KEY = 'vsmcp/claims'

const tokenSchema = z.object({ epoch: z.number(), token: z.number() })
const seenSchema = z.object({ alone: tokenSchema.exactOptional(), shared: tokenSchema.exactOptional() })

export interface ClaimDeskComponents {
  self: PeerIdString
  log: Pick<GroupLog, 'on' | 'state'>
  decisions: Pick<Decisions, 'propose' | 'current'>
  /** What a unit of this node claims; nothing for most. */
  claimsOf: (unit: UnitName) => readonly ClaimedResource[]
  /** Of tokens seen, by resource. */
  kv: KeyValueStore
  clock: Clock
  logger: Logger
}

const waits = telemetry('vsmcp:system2:claim')

/** A call that needs a claim, from the moment it came. */
interface Held {
  begin: (token: ClaimToken) => void
  refuse: (error: Error) => void
  cut: AbortController
}

interface Holding {
  holder: ClaimHolder
  resources: readonly ClaimedResource[]
  calls: Map<number, Held>
  /** Calls and others that go by it: it is forgotten when there is none left, and nothing held. */
  uses: number
  timer: Timer | undefined
}

/**
 * System 2 where the units are: a call of a unit that claims resources begins when its claim is held, and under its token. One decision
 * of the group serves all calls until somebody else wants the resource; see `ClaimHolder` for the rules.
 */
export class ClaimDesk implements Startable {
  readonly #c: ClaimDeskComponents
  readonly #holdings = new Map<UnitName, Holding>()
  #fence = new ResourceFence()
  #calls = 0
  #off: (() => void)[] = []
  #settled: (() => void)[] = []

  constructor(components: ClaimDeskComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { kv, log, logger } = this.#c
    const seen = []
    for await (const [resource, value] of kv.entries({ gte: '', lt: '\uffff' })) {
      const parsed = seenSchema.safeParse(JSON.parse(Buffer.from(value).toString('utf8')))
      if (parsed.success) seen.push([resource, parsed.data] as const)
      else logger.error({ resource }, 'what was seen of a claim cannot be read back')
    }
    this.#fence = new ResourceFence(seen)
    this.#off = [
      log.on('entry:applied', ({ before, state }) => {
        if (state.claims !== before.claims) this.#follow(state)
      }),
      log.on('state:installed', ({ state }) => this.#follow(state)),
    ]
    if (log.state !== undefined) this.#follow(log.state)
  }

  /** Ends the calls that need it, then gives back what is held, if the group can still be told. */
  async stop(): Promise<void> {
    const settled = new Promise<void>((resolve) => this.#settled.push(resolve))
    const timer = Promise.withResolvers<void>()
    const late = this.#c.clock.after(CLAIMS_GIVEN_BACK_MS, timer.resolve)
    for (const [unit, { calls }] of this.#holdings) {
      this.close(unit)
      for (const { cut } of calls.values()) cut.abort()
    }
    this.#tellSettled()
    await Promise.race([settled, timer.promise])
    late.cancel()
    for (const off of this.#off) off()
    for (const { timer: pending } of this.#holdings.values()) pending?.cancel()
    this.#holdings.clear()
  }

  /** A unit is not there any more: what it holds is given back once its calls have ended. */
  close(unit: UnitName): void {
    const holding = this.#holdings.get(unit)
    if (holding === undefined) return
    for (const { refuse } of holding.calls.values()) refuse(new NotSentError(`unit ${unit} is not there any more: not sent`))
    holding.resources = []
    this.#act(unit, holding, holding.holder.wants([], this.#now()))
  }

  /** Sends a request to a unit of this node, under its claims if it has any. */
  async call(unit: UnitName, request: McpRequest, send: (request: McpRequest) => Promise<McpReply>): Promise<McpReply> {
    const resources = this.#c.claimsOf(unit)
    if (resources.length === 0) return send(request)
    const startedMs = this.#now()
    const holding = this.#use(unit, resources)
    if (holding.calls.size >= CLAIM_CALLS_WAITING_MAX) {
      holding.uses--
      throw new BusyError(`unit ${unit} has ${CLAIM_CALLS_WAITING_MAX} calls that need ${namesOf(resources)}: not sent`)
    }
    const call = ++this.#calls
    const cut = new AbortController()
    try {
      const token = await this.#told(unit, holding, this.#granted(unit, holding, call, cut, request))
      const signals = request.signal === undefined ? [cut.signal] : [cut.signal, request.signal]
      return await send({
        ...request,
        paramsJson: withMeta(request.paramsJson, CLAIMS_META_KEY, asMeta(resources, token)),
        deadlineMs: Math.max(1, request.deadlineMs - (this.#now() - startedMs)),
        signal: AbortSignal.any(signals),
      })
    } catch (error) {
      if (!cut.signal.aborted || error instanceof NotSentError) throw error
      throw new OutcomeUnknownError(`unit ${unit} was called, and its claim of ${namesOf(resources)} could not be upheld`, {
        hint: 'A majority of the voters could not be asked, or has called the claim back: see `vsmcp claims` and `vsmcp status`.',
        details: { unit, reason: 'claim' },
        cause: error,
      })
    } finally {
      holding.calls.delete(call)
      holding.uses--
      this.#act(unit, holding, holding.holder.ended(call, this.#now()))
    }
  }

  /** Publishes how long a call waited for its claim, and whether it got it. */
  async #told(unit: UnitName, { resources }: Holding, granted: Promise<ClaimToken>): Promise<ClaimToken> {
    if (!waits.hasSubscribers) return granted
    const startedMs = this.#now()
    const told = { unit, resources: resources.map(({ resource }) => resource) }
    try {
      const token = await granted
      waits.publish({ ...told, waitMs: this.#now() - startedMs, outcome: 'granted', token: token.token })
      return token
    } catch (error) {
      waits.publish({ ...told, waitMs: this.#now() - startedMs, outcome: 'not-granted' })
      throw error
    }
  }

  #granted(unit: UnitName, holding: Holding, call: number, cut: AbortController, request: McpRequest): Promise<ClaimToken> {
    const { clock } = this.#c
    const { signal, deadlineMs } = request
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const refuse = (error: Error): void => {
        end()
        reject(error)
      }
      const onAbort = (): void => refuse(new NotSentError(`the call of ${unit} was cancelled while it waited for its claim`))
      const timer = clock.after(deadlineMs, () => refuse(this.#late(unit, holding)))
      signal?.addEventListener('abort', onAbort)
      const begin = (token: ClaimToken): void => {
        end()
        resolve(token)
      }
      holding.calls.set(call, { begin, refuse, cut })
      if (signal?.aborted === true) onAbort()
      else this.#act(unit, holding, holding.holder.call(call, this.#now()))
    })
  }

  #late(unit: UnitName, { resources }: Holding): NotSentError {
    return new NotSentError(`unit ${unit} did not get ${namesOf(resources)} within the time allowed: not sent`, {
      hint: '`vsmcp claims` shows who has it, and who waits. Repeat the call, or allow more time.',
      details: { unit, reason: 'claim' },
    })
  }

  /** Counted as used once more. */
  #use(unit: UnitName, resources: readonly ClaimedResource[]): Holding {
    let holding = this.#holdings.get(unit)
    if (holding === undefined) {
      holding = { holder: new ClaimHolder(resources), resources, calls: new Map(), uses: 0, timer: undefined }
      holding.uses++
      this.#holdings.set(unit, holding)
      const { state } = this.#c.log
      if (state !== undefined) this.#show(unit, holding, state)
      return holding
    }
    holding.uses++
    if (holding.resources === resources) return holding
    holding.resources = resources
    this.#act(unit, holding, holding.holder.wants(resources, this.#now()))
    return holding
  }

  #follow(state: GroupState): void {
    for (const [, { peer, unit }] of state.claims) {
      // Of an earlier life, or of a unit that is not there any more: given back by the same rules.
      if (peer === this.#c.self && !this.#holdings.has(unit)) this.#use(unit, this.#c.claimsOf(unit)).uses--
    }
    const kept = keptWaiting(state)
    for (const [unit, holding] of this.#holdings) this.#show(unit, holding, state, kept)
  }

  #show(unit: UnitName, holding: Holding, state: GroupState, kept = keptWaiting(state)): void {
    const claim = this.#claimOf(unit, state)
    const isContended = claim !== undefined && kept.has(claim)
    this.#act(unit, holding, holding.holder.follow(claim, isContended, this.#now()))
  }

  #claimOf(unit: UnitName, state: GroupState): ResourceClaim | undefined {
    return state.claims.get(`${this.#c.self} ${unit}`)
  }

  #act(unit: UnitName, holding: Holding, effects: readonly ClaimEffect[]): void {
    // Of before this desk was stopped.
    if (this.#holdings.get(unit) !== holding) return
    for (const effect of effects) {
      if (effect.type === 'begin') holding.calls.get(effect.call)?.begin(effect.token)
      else if (effect.type === 'cut') holding.calls.get(effect.call)?.cut.abort()
      else void this.#carryOut(unit, holding, effect)
    }
    this.#schedule(unit, holding)
  }

  async #carryOut(unit: UnitName, holding: Holding, effect: Exclude<ClaimEffect, { type: 'begin' | 'cut' }>): Promise<void> {
    const { holder } = holding
    let next: readonly ClaimEffect[]
    try {
      if (effect.type === 'note') next = holder.noted(await this.#note(holding, effect.token), this.#now())
      else if (effect.type === 'confirm') {
        const state = await this.#c.decisions.current()
        next = holder.confirmed(this.#claimOf(unit, state), this.#now())
      } else next = holder.decided(await this.#decide(unit, holding, effect), this.#now())
    } catch (error) {
      this.#c.logger.warn({ unit, what: effect.type, error: messageOf(error) }, 'a claim could not be settled, it is tried again')
      next = effect.type === 'note' ? holder.noted(undefined, this.#now()) : holder.decided(false, this.#now())
    }
    this.#act(unit, holding, next)
  }

  async #decide(unit: UnitName, holding: Holding, effect: Extract<ClaimEffect, { type: 'ask' | 'release' }>): Promise<boolean> {
    const { decisions, log } = this.#c
    const { resources } = holding
    const level = log.state?.charter.featureLevel ?? ORGANS_LEVEL
    const result =
      effect.type === 'release'
        ? await decisions.propose({ op: 'claim:release', unit, askedAtIndex: effect.askedAtIndex, again: effect.again })
        : level < ORGANS_LEVEL
          ? { ok: false, message: `the group is at feature level ${level}, and claims need ${ORGANS_LEVEL}` }
          : await decisions.propose({ op: 'claim:ask', unit, resources })
    if (result.ok) return true
    const message = 'message' in result ? result.message : ''
    for (const { refuse } of holding.calls.values()) {
      refuse(
        new NotSentError(`unit ${unit} cannot have ${namesOf(resources)}: ${message}`, { details: { unit, reason: 'claim' } }),
      )
    }
    return false
  }

  /** @returns the token once it is on disk; nothing when a higher one was seen here */
  async #note({ resources }: Holding, token: ClaimToken): Promise<ClaimToken | undefined> {
    const changed = this.#fence.admit(resources, token)
    if (changed === undefined) {
      this.#c.logger.error({ resources: namesOf(resources), ...token }, 'refused a claim whose token is older than one seen here')
      return undefined
    }
    const writes = changed.map(([key, seen]) => ({ type: 'put', key, value: Buffer.from(JSON.stringify(seen)) }) as const)
    await this.#c.kv.write(writes, { sync: true })
    return token
  }

  #schedule(unit: UnitName, holding: Holding): void {
    holding.timer?.cancel()
    holding.timer = undefined
    if (holding.holder.isDone && holding.uses === 0) {
      if (this.#holdings.get(unit) === holding) this.#holdings.delete(unit)
      this.#tellSettled()
      return
    }
    const atMs = holding.holder.nextTickAtMs()
    if (!Number.isFinite(atMs)) return
    holding.timer = this.#c.clock.after(Math.max(1, atMs - this.#now()), () =>
      this.#act(unit, holding, holding.holder.tick(this.#now())),
    )
  }

  #tellSettled(): void {
    if (this.#holdings.size === 0) for (const resolve of this.#settled.splice(0)) resolve()
  }

  #now(): number {
    return this.#c.clock.monotonicMs()
  }
}

/** Claims that others wait for. */
function keptWaiting({ claims }: GroupState): ReadonlySet<ResourceClaim> {
  return new Set(contended([...claims].map(([, claim]) => claim)))
}

function namesOf(resources: readonly ClaimedResource[]): string {
  return resources.map(({ resource }) => resource).join(', ')
}

function asMeta(resources: readonly ClaimedResource[], { epoch, token }: ClaimToken): object {
  return Object.fromEntries(resources.map(({ resource, shared }) => [resource, { epoch, token, shared }]))
}
