import { type ApplyResult, type GroupState, type Operation } from '@vsmcp/consensus'
import {
  type Clock,
  InvalidArgumentError,
  messageOf,
  NotSentError,
  OutcomeUnknownError,
  type PeerIdString,
  type Plane,
  RemoteError,
  TimeoutError,
  VsmcpError,
} from '@vsmcp/kernel'
import { pack, unpack } from 'msgpackr'
import { CONTROL_DEADLINE_MS, DECISION_DEADLINE_MS } from '../constants.ts'
import { NoSystem5Error, RefusedError } from '../errors.ts'
import type { GroupLog } from './group-log.ts'

const DECIDE = 'system5:decide'
const READ_INDEX = 'system5:read-index'

/** What a node asks System 5 to decide; author and time are put in here. */
export type Request<O extends Operation = Operation> = O extends Operation ? Omit<O, 'author' | 'atMs'> : never

export type Decided = Extract<ApplyResult, { ok: true }>

export interface DecisionsComponents {
  log: GroupLog
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

  constructor(components: DecisionsComponents) {
    this.#c = components
    components.control.handle(DECIDE, async (call) => {
      const operation = unpack(call.payload) as Operation
      if (typeof operation !== 'object' || operation === null || operation.author !== call.peer) {
        throw new InvalidArgumentError('a proposal must name the member that asks as its author')
      }
      const result = await components.log.propose(operation)
      return pack([result, components.log.status()?.applied ?? 0])
    })
    components.control.handle(READ_INDEX, async () => pack(await components.log.readIndex()))
  }

  /** Resolves when the group has decided; throws `RefusedError` with its reason, or `NoSystem5Error` at the deadline. */
  async decide(request: Request, deadlineMs = DECISION_DEADLINE_MS): Promise<Decided> {
    const result = await this.propose(request, deadlineMs)
    if (result.ok) return result
    throw new RefusedError(result.message, {
      details: { reason: result.code, ...(result.holder === undefined ? {} : { holder: result.holder }) },
    })
  }

  /** Like `decide`, with a refusal as a value. */
  async propose(request: Request, deadlineMs = DECISION_DEADLINE_MS): Promise<ApplyResult> {
    const { self, clock, control, log } = this.#c
    const operation = { ...request, author: self, atMs: Math.round(clock.wallMs()) } as Operation
    const [result, index] = await this.atLeader<[ApplyResult, number]>(
      deadlineMs,
      async () => [await log.propose(operation), 0],
      async (leader, timeoutMs) => {
        const answer = await control.call(leader, DECIDE, pack(operation), { deadlineMs: timeoutMs })
        return unpack(answer) as [ApplyResult, number]
      },
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
      async (leader, timeoutMs) =>
        unpack(await control.call(leader, READ_INDEX, new Uint8Array(), { deadlineMs: timeoutMs })) as number,
    )
    return this.#appliedTo(index, deadlineMs)
  }

  /** Does a thing where System 5 is; asks again after an election. It must be safe to ask twice. */
  async atLeader<T>(
    deadlineMs: number,
    here: () => Promise<T>,
    there: (leader: PeerIdString, timeoutMs: number) => Promise<T>,
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
          : await there(leader, Math.min(left, Math.max(CONTROL_DEADLINE_MS, deadlineMs / 2)))
      } catch (error) {
        if (!isWorthAnotherAsk(error)) throw error
        last = error
        await this.#changeWithin(Math.min(left, 100))
      }
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
      const check = (): boolean => {
        const { state } = log
        if (state === undefined || (log.status()?.applied ?? 0) < index) return false
        timer.cancel()
        for (const off of offs) off()
        resolve(state)
        return true
      }
      const timer = clock.after(deadlineMs, () => {
        for (const off of offs) off()
        reject(new TimeoutError(`entry ${index} of the group's log did not arrive within ${deadlineMs} ms`))
      })
      const offs = [log.on('entry:applied', () => queueMicrotask(check)), log.on('state:installed', () => queueMicrotask(check))]
      check()
    })
  }
}

/** Said by a node that does not lead (any more) or cannot write now: another may, in a moment. */
const RETRIED_CODES: ReadonlySet<string> = new Set([
  'VSMCP_CONSENSUS_NOT_LEADER',
  'VSMCP_CONSENSUS_BUSY',
  // Another change of voters is under way.
  'VSMCP_CONSENSUS_CONFIGURATION_REFUSED',
  'VSMCP_NODE_STORAGE_REFUSED',
])

function isWorthAnotherAsk(error: unknown): boolean {
  if (error instanceof NotSentError || error instanceof OutcomeUnknownError || error instanceof TimeoutError) return true
  const code = error instanceof RemoteError ? error.remoteCode : error instanceof VsmcpError ? error.code : ''
  return RETRIED_CODES.has(code)
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
