import {
  type Candidate,
  chooseVoters,
  type Configuration,
  type ConfigurationChange,
  type GroupState,
  type Reachability,
} from '@vsmcp/consensus'
import {
  type Clock,
  InvalidArgumentError,
  type Logger,
  messageOf,
  type PeerIdString,
  type Plane,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import { combineLink, type Identity, type LinkSignature, signLink } from '@vsmcp/security'
import { pack } from 'msgpackr'
import { CONTROL_DEADLINE_MS, LEADER_DUTY_PERIOD_MS, LEAVE_DEADLINE_MS, REFUSED_GRANT_PAUSE_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import { readLinkSignature } from './answers.ts'
import type { Decisions } from './decisions.ts'
import { gather } from './gather.ts'
import type { AppliedEntry, GroupLog } from './group-log.ts'
import { encodeLink } from './link-certificate.ts'
import type { Trust } from './trust.ts'

const SIGN_LINK = 'system5:sign-link'

export interface LeaderDutiesComponents {
  identity: Identity
  log: GroupLog
  decisions: Decisions
  trust: Trust
  members: Members
  control: Plane
  clock: Clock
  logger: Logger
  /** Bare names that wait for a grant, in the order they should be asked for. */
  ungrantedNames: () => readonly { bareName: string; unit: string }[]
}

/**
 * What the elected System 5 does besides answering: it keeps the voters as rule 7 wants them, has changes of voters
 * certified, and grants bare names to the units that bring them. It looks when something changed and, to be safe,
 * periodically; on every other node it does nothing but sign what its own log bears out.
 */
export class LeaderDuties implements Startable {
  readonly #c: LeaderDutiesComponents
  #timer: Timer | undefined
  #working: Promise<void> | undefined
  #again = false
  #off: (() => void)[] = []
  #stopped = false
  /** Members on their way out, and until when no seat is kept for them: who did not leave by then stays. */
  readonly #leaving = new Map<PeerIdString, number>()
  /** Names the group would not grant, and until when they are not asked for again. */
  readonly #refused = new Map<string, number>()

  constructor(components: LeaderDutiesComponents) {
    this.#c = components
    components.control.handle(SIGN_LINK, async ({ payload }) => pack(this.#signLink(payload)))
  }

  async start(): Promise<void> {
    const { log, members, clock } = this.#c
    const look = (): void => this.look()
    const onApplied = ({ before, state, effects }: AppliedEntry): void => {
      // An entry that changed nothing is no reason to look: what was refused now would be proposed again at once, for ever.
      if (effects.length > 0 || before.configuration !== state.configuration) this.look()
    }
    this.#off = [log.on('entry:applied', onApplied), log.on('leader:changed', look), members.on('member:state', look)]
    this.#timer = clock.every(LEADER_DUTY_PERIOD_MS, look)
  }

  /** What is under way ends with the consensus log, which stops later; it holds nothing but a question to the group. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const off of this.#off) off()
  }

  /** For a while the member is not counted among those who may vote: it keeps its copy of the log until it is off the list. */
  letGo(peer: PeerIdString): void {
    this.#leaving.set(peer, this.#c.clock.monotonicMs() + LEAVE_DEADLINE_MS)
    this.look()
  }

  /** Whether the group would have voters without this member. */
  canSpare(peer: PeerIdString): boolean {
    const { log } = this.#c
    const configuration = log.status()?.configuration
    if (log.state === undefined || configuration === undefined) return false
    const votes = configuration.voters.includes(peer) || configuration.outgoing.includes(peer)
    const without = new Set([...this.#leaving.keys(), peer])
    const change = this.#changeWanted(log.state, { ...configuration, outgoing: [] }, without)
    return !votes || change?.changes.some(({ type, peer: who }) => who === peer && type !== 'voter') === true
  }

  /** Looks soon; looks asked for while one is under way become one more. */
  look(): void {
    if (this.#stopped || !this.#c.log.isLeader) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    this.#working = this.#work().finally(() => {
      this.#working = undefined
      if (!this.#again) return
      this.#again = false
      this.look()
    })
  }

  async #work(): Promise<void> {
    // What an entry's listeners still have to see must be seen before we look.
    await Promise.resolve()
    for (const duty of [() => this.#keepVoters(), () => this.#certify(), () => this.#grantNames()]) {
      if (!this.#c.log.isLeader) return
      try {
        await duty()
      } catch (error) {
        this.#c.logger.debug({ error: messageOf(error) }, 'a duty of the leader has to wait')
      }
    }
  }

  async #keepVoters(): Promise<void> {
    const { log, logger } = this.#c
    const { state } = log
    const status = log.status()
    if (state === undefined || status === undefined) return
    const now = this.#c.clock.monotonicMs()
    for (const [peer, untilMs] of this.#leaving) {
      if (untilMs <= now || !state.members.has(peer)) this.#leaving.delete(peer)
    }
    const change = this.#changeWanted(state, status.configuration, new Set(this.#leaving.keys()))
    if (change === undefined) return
    logger.info({ changes: change.changes.map(({ type, peer }) => `${type} ${peer}`) }, 'changing who votes')
    await log.proposeConfiguration(change)
  }

  /** Rule 7, but that who leaves goes on learning until it is off the list: it must see its own leave decided. */
  #changeWanted(
    state: GroupState,
    configuration: Configuration,
    leaving: ReadonlySet<PeerIdString>,
  ): ConfigurationChange | undefined {
    const staying = state.members.entries().filter(([peer]) => !leaving.has(peer))
    const candidates: Candidate[] = staying.map(([peer, { role, zone }]) => ({ peer, role, zone }))
    const change = chooseVoters(candidates, this.reachability(state), configuration)
    const changes = (change?.changes ?? []).flatMap((each): ConfigurationChange['changes'] => {
      const { type, peer } = each
      if (type !== 'remove' || !leaving.has(peer) || !state.members.has(peer)) return [each]
      return configuration.voters.includes(peer) ? [{ type: 'learner', peer }] : []
    })
    // Without a certificate nobody would believe other voters: those of now stay.
    const kept = this.#c.trust.isChainFull
      ? changes.filter(({ type, peer }) => isForLearning(configuration, type, peer))
      : changes
    return kept.length === 0 ? undefined : { changes: kept }
  }

  /** What this leader sees of each member now. */
  reachability(state: GroupState): Map<PeerIdString, Reachability> {
    const { log, members, identity } = this.#c
    const progress = log.status()?.progress
    return new Map(
      state.members.keys().map((peer) => {
        if (peer === identity.peerId)
          return [peer, { reachable: true, failedForMs: 0, inSync: true, upForMs: Number.MAX_SAFE_INTEGER }]
        const alive = members.isAlive(peer)
        const inStateForMs = members.inStateForMs(peer)
        return [
          peer,
          {
            reachable: alive,
            failedForMs: alive ? 0 : inStateForMs,
            inSync: progress?.get(peer)?.inSync ?? false,
            upForMs: alive ? inStateForMs : 0,
          },
        ]
      }),
    )
  }

  /** Signatures of a majority of the voters before and of a majority of those now make a change certified. */
  async #certify(): Promise<void> {
    const { trust, identity, control, decisions, logger } = this.#c
    const next = trust.nextStatement()
    if (next === undefined) return
    const { change, statement } = next
    const options = { deadlineMs: CONTROL_DEADLINE_MS }
    const asked = [...new Set([...change.before, ...change.now])].map(async (voter): Promise<LinkSignature | undefined> => {
      try {
        if (voter === identity.peerId) return signLink(identity, statement)
        return readLinkSignature(await control.call(voter, SIGN_LINK, statement, options))
      } catch (error) {
        logger.debug({ voter, index: change.index, error: messageOf(error) }, 'a voter has not signed a change of voters')
        return undefined
      }
    })
    const signatures = await gather(asked, (given) => isCertificate(statement, given))
    const link = combineLink(statement, signatures)
    await decisions.decideHere({ op: 'link:add', index: change.index, certificate: encodeLink(link) })
  }

  /** Signs only the change that is committed here and certified nowhere. */
  #signLink(statement: Uint8Array): LinkSignature {
    const { trust, identity } = this.#c
    const mine = trust.nextStatement()?.statement
    if (mine === undefined || !Buffer.from(mine).equals(statement)) {
      throw new InvalidArgumentError('the change of voters is not committed here, or is certified already')
    }
    return signLink(identity, mine)
  }

  async #grantNames(): Promise<void> {
    const { ungrantedNames, decisions, clock, logger } = this.#c
    const now = clock.monotonicMs()
    for (const [name, untilMs] of this.#refused) if (untilMs <= now) this.#refused.delete(name)
    const wanted = ungrantedNames().filter(({ bareName }) => !this.#refused.has(bareName))
    await Promise.all(
      wanted.map(async ({ bareName, unit }) => {
        const result = await decisions.propose({ op: 'name:grant', bareName, unit })
        if (result.ok) return
        this.#refused.set(bareName, now + REFUSED_GRANT_PAUSE_MS)
        logger.debug({ bareName, unit, reason: result.code }, 'a bare name was not granted')
      }),
    )
  }
}

function isForLearning({ voters }: Configuration, type: string, peer: PeerIdString): boolean {
  return type !== 'voter' && !voters.includes(peer)
}

function isCertificate(statement: Uint8Array, signatures: readonly LinkSignature[]): boolean {
  try {
    combineLink(statement, signatures)
    return true
  } catch {
    return false
  }
}
