import {
  applyEntry,
  type Authority,
  changesVoters,
  type ConfigurationChange,
  encodeOperation,
  type Endorsement,
  type GroupState,
  lackingEndorsement,
  NotEndorsedError,
  type Operation,
  operationStatement,
  votersStatement,
  votersStatementBytes,
} from '@vsmcp/consensus'
import {
  bytesOfBase64url,
  type Clock,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
} from '@vsmcp/kernel'
import { endorse, type Identity } from '@vsmcp/security'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS, ENDORSEMENT_CATCH_UP_MS } from '../../constants.ts'
import { NotBorneOutError } from '../../errors.ts'
import { gather } from '../gather.ts'
import type { GroupLog } from '../group-log.ts'
import { objectionToOperation, type OperationJudgement } from './judge-operation.ts'
import { objectionToVoters, type Sight } from './judge-voters.ts'
import { decodeEndorsement, decodeRequest, encodeRequest, type EndorsedOperation, type EndorsementRequest } from './request.ts'

const ENDORSE = 'system5:endorse'

export interface EndorsingComponents {
  identity: Identity
  log: GroupLog
  authority: Authority
  control: Plane
  clock: Clock
  logger: Logger
  /** How this node itself sees a member. */
  sees: (peer: PeerIdString) => Sight
  /** What System 2 here says of a claim. */
  objectionToClaim: OperationJudgement['objectionToClaim']
}

/**
 * Rule 5: what System 5 changes by itself carries the signatures of a majority of the voters, and a voter signs only what its
 * own docket and its own eyes bear out. Asks for them on the leader, judges on every voter.
 */
export class Endorsing {
  readonly #c: EndorsingComponents

  constructor(components: EndorsingComponents) {
    this.#c = components
    components.control.handle(ENDORSE, async ({ peer, payload }) => pack(await this.#judge(peer, decodeRequest(payload))))
  }

  /** Endorsements of a change of voters; none for one of learners only, which needs none. Throws `NotEndorsedError` when they are too few. */
  async forVoters(change: ConfigurationChange, because: readonly Operation[]): Promise<readonly Endorsement[]> {
    const { log } = this.#c
    const { configuration, term } = log.requireStatus()
    if (!changesVoters(configuration, change)) return []
    const statement = votersStatement(configuration, term, change)
    return this.#collect({ kind: 'voters', statement, because, applied: log.applied }, 'majority')
  }

  /** Endorsements of an operation. Throws `NotEndorsedError` when they are too few. */
  forOperation(operation: EndorsedOperation): Promise<readonly Endorsement[]> {
    const needed = operation.op === 'feature:raise' ? 'all' : 'majority'
    return this.#collect({ kind: 'operation', operation, applied: this.#c.log.applied }, needed)
  }

  /** Whom the operation takes out, if its proof holds: a member's own leave, or an operator's eviction. */
  leaverOf(operation: Operation): PeerIdString | undefined {
    const { log, authority } = this.#c
    if (log.state === undefined) return undefined
    const isLeave = operation.op === 'member:remove' && (operation.signature !== undefined || operation.author === operation.peer)
    if (!isLeave && operation.op !== 'member:evict') return undefined
    const entry = { type: 'normal', index: log.applied + 1, term: 1, data: encodeOperation(operation) } as const
    const { result } = applyEntry(log.state, entry, authority)
    return result.ok || result.code === 'still-votes' ? operation.peer : undefined
  }

  async #collect(request: EndorsementRequest, needed: 'majority' | 'all'): Promise<readonly Endorsement[]> {
    const { identity, log, authority, control, logger } = this.#c
    const { state } = log
    const { configuration } = log.requireStatus()
    if (state === undefined) throw new NotEndorsedError('this node has no copy of the docket yet')
    const bytes = statementOf(state, request)
    const payload = encodeRequest(request, identity.peerId)
    const verify = (peer: PeerIdString, signature: Uint8Array): boolean => authority.verifySignature({ peer }, bytes, signature)
    const objections: string[] = []
    const voters = [...new Set([...configuration.voters, ...configuration.outgoing])]
    const asked = voters.map(async (voter): Promise<Endorsement | undefined> => {
      try {
        if (voter === identity.peerId) return await this.#judge(voter, request)
        const given = decodeEndorsement(await control.call(voter, ENDORSE, payload, { deadlineMs: CONTROL_DEADLINE_MS }))
        // Each by itself: one that is wrong would spoil the others.
        const raw = bytesOfBase64url(given.signature)
        if (given.peer === voter && raw !== undefined && verify(voter, raw)) return given
        throw new InvalidArgumentError('its signature is wrong')
      } catch (error) {
        objections.push(`${voter}: ${messageOf(error)}`)
        logger.debug({ voter, what: request.kind, error: messageOf(error) }, 'a voter does not endorse')
        return undefined
      }
    })
    const lacking = (given: readonly Endorsement[]): string | undefined =>
      lackingEndorsement(configuration, given, verify, needed)
    const given = await gather(asked, (all) => lacking(all) === undefined)
    const missing = lacking(given)
    if (missing === undefined) return given
    throw new NotEndorsedError(`too few voters bear it out: ${missing}`, {
      hint: 'Voters sign only what they see themselves: see `vsmcp members` on each of them.',
      details: { objections },
    })
  }

  async #judge(leader: PeerIdString, request: EndorsementRequest): Promise<Endorsement> {
    const { identity, log, clock, sees, objectionToClaim } = this.#c
    await this.#caughtUp(request.applied)
    const { state } = log
    const status = log.requireStatus()
    if (state === undefined || status.leader !== leader) throw new NotBorneOutError(`${leader} does not lead, as known here`)
    const objection =
      request.kind === 'voters'
        ? this.#objectionToVoters(request, state)
        : objectionToOperation(request.operation, { state, sees, nowMs: clock.wallMs(), objectionToClaim })
    if (objection !== undefined) throw new NotBorneOutError(objection)
    return endorse(identity, statementOf(state, request))
  }

  #objectionToVoters(
    { statement, because }: Extract<EndorsementRequest, { kind: 'voters' }>,
    state: GroupState,
  ): string | undefined {
    const { log, sees } = this.#c
    const { term, version, voters, changes } = statement
    const { configuration } = state
    if (term !== log.requireStatus().term) return `it is of term ${term}, and here it is ${log.requireStatus().term}`
    if (version !== (configuration.version ?? 0) || voters.join() !== configuration.voters.join()) {
      return 'the voters it follows are not those of here'
    }
    if (state.pendingChanges.length > 0 && changes.some(({ type, peer }) => type === 'voter' || voters.includes(peer))) {
      return 'the change of voters before is not certified yet'
    }
    const leaving = new Set(because.flatMap((operation) => this.leaverOf(operation) ?? []))
    return objectionToVoters({ changes }, { state, sees, leaving })
  }

  /** The leader has applied what it asks about; this voter hears of the commit with the next message. */
  #caughtUp(index: number): Promise<void> {
    const { log, clock } = this.#c
    if (log.applied >= index) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        for (const off of offs) off()
        resolve()
      }
      const timer = clock.after(ENDORSEMENT_CATCH_UP_MS, end)
      const look = (): void => {
        if (log.applied >= index) end()
      }
      const offs = [log.on('entry:applied', look), log.on('state:installed', look)]
    })
  }
}

function statementOf({ charter }: GroupState, request: EndorsementRequest): Uint8Array {
  return request.kind === 'voters'
    ? votersStatementBytes(charter, request.statement)
    : operationStatement(charter, request.operation)
}
