import { type Candidate, chooseVoters, type GroupState, type Reachability } from '@vsmcp/consensus'
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
import { pack, unpack } from 'msgpackr'
import { CONTROL_DEADLINE_MS, LEADER_DUTY_PERIOD_MS } from '../constants.ts'
import type { Members } from '../members/members.ts'
import type { Decisions } from './decisions.ts'
import type { GroupLog } from './group-log.ts'
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
  /** Members on their way out: no seat is kept for them. */
  readonly #leaving = new Set<PeerIdString>()

  constructor(components: LeaderDutiesComponents) {
    this.#c = components
    components.control.handle(SIGN_LINK, async ({ payload }) => pack(this.#signLink(payload)))
  }

  async start(): Promise<void> {
    const { log, members, clock } = this.#c
    const look = (): void => this.look()
    this.#off = [log.on('entry:applied', look), log.on('leader:changed', look), members.on('member:state', look)]
    this.#timer = clock.every(LEADER_DUTY_PERIOD_MS, look)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    for (const off of this.#off) off()
    await this.#working
  }

  /** From now on the member is not counted among those who may vote or learn. */
  letGo(peer: PeerIdString): void {
    this.#leaving.add(peer)
  }

  /** Looks soon; looks asked for while one is under way become one more. */
  look(): void {
    if (!this.#c.log.isLeader) return
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
    for (const peer of this.#leaving) if (!state.members.has(peer)) this.#leaving.delete(peer)
    const staying = state.members.entries().filter(([peer]) => !this.#leaving.has(peer))
    const candidates: Candidate[] = staying.map(([peer, { role, zone }]) => ({ peer, role, zone }))
    const change = chooseVoters(candidates, this.reachability(state), status.configuration)
    if (change === undefined) return
    logger.info({ changes: change.changes.map(({ type, peer }) => `${type} ${peer}`) }, 'changing who votes')
    await log.proposeConfiguration(change)
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
    const asked = [...new Set([...change.before, ...change.now])].map(async (voter): Promise<LinkSignature | undefined> => {
      try {
        if (voter === identity.peerId) return signLink(identity, statement)
        return unpack(await control.call(voter, SIGN_LINK, statement, { deadlineMs: CONTROL_DEADLINE_MS })) as LinkSignature
      } catch (error) {
        logger.debug({ voter, index: change.index, error: messageOf(error) }, 'a voter has not signed a change of voters')
        return undefined
      }
    })
    const signatures = (await Promise.all(asked)).filter((signature) => signature !== undefined)
    const link = combineLink(statement, signatures)
    await decisions.decide({ op: 'link:add', index: change.index, certificate: encodeLink(link) })
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
    const { ungrantedNames, decisions } = this.#c
    await Promise.all(ungrantedNames().map(({ bareName, unit }) => decisions.propose({ op: 'name:grant', bareName, unit })))
  }
}
