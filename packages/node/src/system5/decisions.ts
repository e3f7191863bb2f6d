import { type ApplyResult, decodeOperation, encodeOperation, type GroupState, type Operation } from '@vsmcp/consensus'
import {
  type CallOptions,
  type Clock,
  InvalidArgumentError,
  messageOf,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Plane,
  RemoteError,
  telemetry,
  TimeoutError,
  VsmcpError,
} from '@vsmcp/kernel'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS, DECISION_DEADLINE_MS } from '../constants.ts'
import { CREDENTIAL_OVER, NoSystem5Error, NOT_LISTED, NotBorneOutError, RefusedError } from '../errors.ts'
import { readDecided, readIndexAnswer, readProven } from './answers.ts'
import { AskingMembers } from './asking-members.ts'
import { ChainsShown } from './chains-shown.ts'
import type { GroupLog } from './group-log.ts'

const DECIDE = 'system5:decide'
/** With a proof of what is asked. */
const DECIDE_PROVEN = 'system5:decide-proven'
const READ_INDEX = 'system5:read-index'

const latencies = telemetry('vsmcp:decision:latency')

/**
 * What only System 5 itself proposes, after it has verified the proof that a newcomer or the voters gave: from a member these
 * would be words without proof.
 */
const OF_SYSTEM5_ALONE: ReadonlySet<Operation['op']> = new Set([
  'invitation:redeem',
  'link:add',
  'charter:certify',
  'session-key:rotate',
])

/** What a node asks System 5 to decide; author and time are put in here, the time once more where it is proposed. (`Omit` would lose the fields of a type that carries unknown ones.) */
export type Request<O extends Operation = Operation> = O extends Operation
  ? { readonly [K in keyof O as string extends K ? never : K extends 'author' | 'atMs' ? never : K]: O[K] }
  : never

export type Decided = Extract<ApplyResult, { ok: true }>

/** What some operations need besides somebody who may ask for them. It is shown to who leads, and is no part of the log. */
export interface Proofs {
  /** Got before the group is asked; undefined where none is needed, or to be had. May reject. */
  of: (operation: Operation) => Promise<Uint8Array | undefined>
  /** Why System 5 does not go by it; undefined where it may. */
  flawOf: (operation: Operation, proof: Uint8Array | undefined, by: PeerIdString) => string | undefined
}

export interface DecisionsComponents {
  log: GroupLog
  /** @default none is needed */
  proofs?: Proofs
  control: Plane
  self: PeerIdString
  clock: Clock
}

/**
 * Asks the group's System 5, wherever it is: proposes here when this node leads, else sends the question to the leader,
 * and asks again after an election. All operations are idempotent, so asking again is safe.
 */
export class Decisions {
  readonly #c: DecisionsComponents
  readonly #asking = new AskingMembers()
  readonly #shown: ChainsShown

  constructor(components: DecisionsComponents) {
    this.#c = components
    this.#shown = new ChainsShown(components.clock)
    const { control, log, clock } = components
    control.handle(DECIDE, ({ peer, payload, deadlineMs }) => this.#decideFor(peer, payload, deadlineMs))
    control.handle(DECIDE_PROVEN, async ({ peer, payload, deadlineMs }) => {
      this.#shown.count(peer)
      const { operation, proof } = readProven(payload)
      return this.#decideFor(peer, operation, deadlineMs, proof)
    })
    control.handle(READ_INDEX, async ({ peer, deadlineMs }) => {
      const read = (): Promise<number> => log.readIndex()
      return pack(await within(clock, deadlineMs, this.#asking.during(peer, 0, read)))
    })
  }

  async #decideFor(peer: PeerIdString, payload: Uint8Array, deadlineMs: number, proof?: Uint8Array): Promise<Uint8Array> {
    const { log, clock } = this.#c
    const operation = decodeOperation(payload)
    if (operation.author !== peer) {
      throw new InvalidArgumentError('a proposal must name the member that asks as its author')
    }
    if (OF_SYSTEM5_ALONE.has(operation.op)) {
      throw new InvalidArgumentError(`${operation.op} is for System 5 to propose, not for a member`)
    }
    this.#assertProven(operation, proof)
    // By the clock here: a member whose clock is wrong, or that lies, dates nothing that the group decides.
    const dated = { ...operation, atMs: Math.round(clock.wallMs()) }
    const decide = (): Promise<ApplyResult> => log.propose(dated)
    const result = await within(clock, deadlineMs, this.#asking.during(peer, payload.length, decide))
    return pack([withoutRecord(result), log.applied])
  }

  #assertProven(operation: Operation, proof: Uint8Array | undefined): void {
    const flaw = this.#c.proofs?.flawOf(operation, proof, operation.author)
    if (flaw !== undefined) throw new NotBorneOutError(flaw)
  }

  /** Resolves when the group has decided; throws `RefusedError` with its reason, or `NoSystem5Error` at the deadline. */
  async decide(request: Request, deadlineMs = DECISION_DEADLINE_MS): Promise<Decided> {
    return acceptedOf(await this.propose(request, deadlineMs))
  }

  /** Like `decide`, with a refusal as a value. */
  async propose(request: Request, deadlineMs = DECISION_DEADLINE_MS): Promise<ApplyResult> {
    const operation = this.#operation(request)
    return this.#timed(operation, () => this.#ask(operation, deadlineMs))
  }

  async #ask(operation: Operation, deadlineMs: number): Promise<ApplyResult> {
    const { control, log, proofs } = this.#c
    const proof = await proofs?.of(operation)
    const encoded = encodeOperation(operation)
    const [method, payload] = proof === undefined ? [DECIDE, encoded] : [DECIDE_PROVEN, pack({ operation: encoded, proof })]
    const [result, index] = await this.atLeader<readonly [ApplyResult, number]>(
      deadlineMs,
      async () => {
        this.#assertProven(operation, proof)
        return [await log.propose(operation), 0]
      },
      async (leader, options) => readDecided(await control.call(leader, method, payload, options)),
    )
    // Whoever asked sees the decision in this node's own copy, too.
    await this.#appliedTo(index, deadlineMs)
    return result
  }

  /** The group's state, certainly not older than this question: a quorum was asked. */
  async current(deadlineMs = DECISION_DEADLINE_MS): Promise<GroupState> {
    const { log, control } = this.#c
    const index = await this.atLeader(
      deadlineMs,
      () => log.readIndex(),
      async (leader, options) => readIndexAnswer(await control.call(leader, READ_INDEX, new Uint8Array(), options)),
    )
    return this.#appliedTo(index, deadlineMs)
  }

  /** Only here, only while this node leads: for what is asked of System 5 by another protocol. */
  async decideHere(request: Request): Promise<Decided> {
    return acceptedOf(await this.#proposeHere(this.#operation(request)))
  }

  /**
   * Like `decideHere`, of what comes from outside: what the state of now refuses is refused without an entry in the log, so that
   * asking again and again costs the group nothing.
   */
  async decideHereIfForeseen(request: Request): Promise<Decided> {
    const operation = this.#operation(request)
    const foreseen = this.#c.log.foresee(operation)
    if (foreseen?.ok === false) acceptedOf(foreseen)
    return acceptedOf(await this.#proposeHere(operation))
  }

  /** Only while this node leads: a new leader has not applied all that was decided before it was elected. */
  async currentHere(deadlineMs = CONTROL_DEADLINE_MS): Promise<GroupState> {
    return this.#appliedTo(await this.#c.log.readIndex(), deadlineMs)
  }

  /** Does a thing where System 5 is; asks again after an election. It must be safe to ask twice. */
  async atLeader<T>(
    deadlineMs: number,
    here: () => Promise<T>,
    there: (leader: PeerIdString, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const { self, clock } = this.#c
    const until = clock.monotonicMs() + deadlineMs
    let last: unknown
    for (;;) {
      const left = until - clock.monotonicMs()
      if (left <= 0) throw noSystem5(deadlineMs, last)
      const leader = await this.#leaderWithin(left, last)
      try {
        return leader === self
          ? await within(clock, left, here())
          : await this.#whileLeading(leader, Math.min(left, Math.max(CONTROL_DEADLINE_MS, deadlineMs / 2)), there)
      } catch (error) {
        if (!isWorthAnotherAsk(error)) throw error
        last = error
        // Who leads has changed already, perhaps while the answer was on its way: there is nothing to wait for.
        if (this.#c.log.status()?.leader === leader) await this.#changeWithin(Math.min(left, 100))
      }
    }
  }

  #proposeHere(operation: Operation): Promise<ApplyResult> {
    return this.#timed(operation, () => this.#c.log.propose(operation))
  }

  async #timed({ op: operation }: Operation, work: () => Promise<ApplyResult>): Promise<ApplyResult> {
    const { clock } = this.#c
    const beganMs = clock.monotonicMs()
    const tell = (outcome: 'decided' | 'refused' | 'failed'): void => {
      if (latencies.hasSubscribers) latencies.publish({ operation, durationMs: clock.monotonicMs() - beganMs, outcome })
    }
    try {
      const result = await work()
      tell(result.ok ? 'decided' : 'refused')
      return result
    } catch (error) {
      tell('failed')
      throw error
    }
  }

  #operation(request: Request): Operation {
    const { self, clock } = this.#c
    return { ...request, author: self, atMs: Math.round(clock.wallMs()) }
  }

  /** An answer of a leader that hangs is not waited for when there is another. */
  async #whileLeading<T>(
    leader: PeerIdString,
    deadlineMs: number,
    there: (leader: PeerIdString, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const replaced = new AbortController()
    const off = this.#c.log.on('leader:changed', (now) => {
      if (now.leader !== undefined && now.leader !== leader) replaced.abort()
    })
    try {
      return await there(leader, { deadlineMs, signal: replaced.signal })
    } finally {
      off()
    }
  }

  #leaderWithin(deadlineMs: number, last: unknown): Promise<PeerIdString> {
    const { log, clock } = this.#c
    const known = log.status()?.leader
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      const timer = clock.after(deadlineMs, () => {
        off()
        reject(noSystem5(deadlineMs, last))
      })
      const off = log.on('leader:changed', ({ leader }) => {
        if (leader === undefined) return
        timer.cancel()
        off()
        resolve(leader)
      })
    })
  }

  /** Waits for the next change of leader, but no longer than so many milliseconds. */
  #changeWithin(timeoutMs: number): Promise<void> {
    const { log, clock } = this.#c
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        off()
        resolve()
      }
      const timer = clock.after(timeoutMs, done)
      const off = log.on('leader:changed', done)
    })
  }

  #appliedTo(index: number, deadlineMs: number): Promise<GroupState> {
    const { log, clock } = this.#c
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel()
        for (const off of offs) off()
      }
      const check = (): void => {
        const { state, applied } = log
        if (state === undefined || applied < index) return
        end()
        resolve(state)
      }
      const timer = clock.after(deadlineMs, () => {
        end()
        reject(new TimeoutError(`entry ${index} of the group's log did not arrive within ${Math.round(deadlineMs)} ms`))
      })
      const offs = [log.on('entry:applied', check), log.on('state:installed', check)]
      check()
    })
  }
}

function acceptedOf(result: ApplyResult): Decided {
  if (result.ok) return result
  throw new RefusedError(result.message, {
    details: { reason: result.code, ...(result.holder === undefined ? {} : { holder: result.holder }) },
  })
}

/** A member's record may be of any size; whoever asked reads it in its own copy. */
function withoutRecord(result: ApplyResult): ApplyResult {
  return result.ok ? { ok: true, changed: result.changed } : result
}

/** Said by a node that does not lead (any more) or cannot write now: another may, in a moment. */
const RETRIED_CODES: ReadonlySet<string> = new Set([
  'VSMCP_CONSENSUS_NOT_LEADER',
  'VSMCP_CONSENSUS_BUSY',
  // Another change of voters is under way.
  'VSMCP_CONSENSUS_CONFIGURATION_REFUSED',
  'VSMCP_NODE_STORAGE_REFUSED',
  'VSMCP_BUSY',
  'VSMCP_TIMEOUT',
  // It has not heard yet that this node is a member.
  NOT_LISTED,
  // Its renewal is under way.
  CREDENTIAL_OVER,
  // The credential's voters were not all there.
  'VSMCP_SECURITY_CREDENTIAL_SIGNATURES',
])

/** Of another node, which stops; said by this node it is the end. */
const STOPPED = 'VSMCP_STOPPED'

function isWorthAnotherAsk(error: unknown): boolean {
  if (error instanceof NotSentError || error instanceof OutcomeUnknownError || error instanceof TimeoutError) return true
  if (error instanceof RemoteError) return error.remoteCode === STOPPED || RETRIED_CODES.has(error.remoteCode)
  return error instanceof VsmcpError && RETRIED_CODES.has(error.code)
}

function noSystem5(deadlineMs: number, last: unknown): NoSystem5Error {
  const why = last === undefined ? '' : `: ${messageOf(last)}`
  return new NoSystem5Error(`the group decided nothing within ${Math.round(deadlineMs)} ms${why}`, {
    hint: 'A majority of the voters must be up and connected: see `vsmcp status`. What was decided before stays in force.',
  })
}

async function within<T>(clock: Clock, deadlineMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = clock.after(deadlineMs, () => reject(new TimeoutError(`not committed within ${Math.round(deadlineMs)} ms`)))
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
