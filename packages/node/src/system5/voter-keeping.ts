import {
  AUTHORITY_LEVEL,
  type Candidate,
  chooseVoters,
  type Configuration,
  type ConfigurationChange,
  type GroupState,
  type Operation,
  type Reachability,
} from '@vsmcp/consensus'
import type { Clock, Logger, PeerIdString } from '@vsmcp/kernel'
import { LEAVE_DEADLINE_MS, VOTER_UP_MIN_MS } from '../constants.ts'
import { QuorumAtRiskError } from '../errors.ts'
import type { Members } from '../members/members.ts'
import type { Endorsing } from './endorsement/endorsing.ts'
import type { GroupLog } from './group-log.ts'
import type { Duty } from './leader-duties.ts'
import type { Trust } from './trust.ts'

export interface VoterKeepingComponents {
  self: PeerIdString
  log: GroupLog
  trust: Trust
  members: Members
  endorsing: Endorsing
  clock: Clock
  logger: Logger
}

/** Keeps the voters as rule 7 wants them, each change endorsed by a majority of them. */
export class VoterKeeping implements Duty {
  readonly #c: VoterKeepingComponents
  /** Members on their way out, by what proof, and until when no seat is kept for them: who did not leave by then stays. */
  readonly #leaving = new Map<PeerIdString, { untilMs: number; because: Operation }>()

  constructor(components: VoterKeepingComponents) {
    this.#c = components
  }

  /**
   * For a while the member is not counted among those who may vote: it keeps its copy of the log until it is off the list.
   * @param because its signed leave, or an operator's eviction of it
   */
  letGo(peer: PeerIdString, because: Operation): void {
    this.#leaving.set(peer, { untilMs: this.#c.clock.monotonicMs() + LEAVE_DEADLINE_MS, because })
  }

  /** Whether the group would go on deciding without this member. */
  canSpare(peer: PeerIdString): boolean {
    return this.riskWithout(peer, { helps: true }) === undefined
  }

  /**
   * Why the group could decide nothing any more without this member; undefined when it could.
   * @param helps whether the member itself still votes for the change: a leaver does, who is evicted need not
   */
  riskWithout(peer: PeerIdString, { helps }: { helps: boolean }): QuorumAtRiskError | undefined {
    const { log, members, self } = this.#c
    const configuration = log.status()?.configuration
    if (log.state === undefined || configuration === undefined)
      return new QuorumAtRiskError('this node has no copy of the docket yet')
    const { voters, outgoing } = configuration
    if (!voters.includes(peer) && !outgoing.includes(peer)) return undefined
    const isUp = (voter: PeerIdString): boolean => (voter === peer ? helps : voter === self || members.isAlive(voter))
    const short = shortOf(voters, isUp)
    if (short !== undefined)
      return this.#risk(peer, log.state, `${short} of its ${voters.length} voters must be up for the change`, isUp)
    const without = new Set([...this.#leaving.keys(), peer])
    // A change under way is over in a moment.
    const settled = { ...log.state, pendingChanges: [] }
    const changes = this.#changeWanted(settled, { ...configuration, outgoing: [] }, without)?.changes ?? []
    const dropped = changes.filter(({ type }) => type !== 'voter').map(({ peer: who }) => who)
    const added = changes.filter(({ type }) => type === 'voter').map(({ peer: who }) => who)
    const after = [...voters.filter((voter) => !dropped.includes(voter)), ...added]
    if (after.includes(peer)) return this.#risk(peer, log.state, 'no other member is up and in sync to take its vote', isUp)
    const shortAfter = shortOf(after, isUp)
    if (shortAfter === undefined) return undefined
    return this.#risk(peer, log.state, `${shortAfter} of the ${after.length} voters that remain must be up`, isUp)
  }

  async work(): Promise<void> {
    const { log, logger, clock, endorsing } = this.#c
    const { state } = log
    const status = log.status()
    if (state === undefined || status === undefined) return
    const now = clock.monotonicMs()
    for (const [peer, { untilMs }] of this.#leaving) {
      if (untilMs <= now || !state.members.has(peer)) this.#leaving.delete(peer)
    }
    const change = this.#changeWanted(state, status.configuration, new Set(this.#leaving.keys()))
    if (change === undefined) return
    // Before the level is raised, voters of older versions could not be asked.
    const isNeeded = state.charter.featureLevel >= AUTHORITY_LEVEL
    const because = change.changes.flatMap(({ peer }) => this.#leaving.get(peer)?.because ?? [])
    const endorsements = isNeeded ? await endorsing.forVoters(change, because) : []
    // Somebody may have been taken off the list while the voters were asked; the next look sees it.
    const isMember = (peer: PeerIdString): boolean => log.state?.members.has(peer) === true
    if (change.changes.some(({ type, peer }) => type === 'voter' && !isMember(peer))) return
    logger.info({ changes: change.changes.map(({ type, peer }) => `${type} ${peer}`) }, 'changing who votes')
    await log.proposeConfiguration(change, endorsements)
  }

  /** Rule 7, but that who leaves goes on learning until it is off the list: it must see its own leave decided. */
  #changeWanted(
    state: GroupState,
    configuration: Configuration,
    leaving: ReadonlySet<PeerIdString>,
  ): ConfigurationChange | undefined {
    const staying = state.members.entries().filter(([peer]) => !leaving.has(peer))
    const candidates: Candidate[] = staying.map(([peer, { role, zone, ephemeral, delegateOf }]) => ({
      peer,
      // Who comes and goes takes a seat only where edge nodes would.
      role: ephemeral === true ? 'edge' : role,
      zone,
      delegateOf,
    }))
    const change = chooseVoters(candidates, this.#reachability(state, leaving.size > 0), configuration)
    const changes = (change?.changes ?? []).flatMap((each): ConfigurationChange['changes'] => {
      const { type, peer } = each
      if (type !== 'remove' || !leaving.has(peer) || !state.members.has(peer)) return [each]
      return configuration.voters.includes(peer) ? [{ type: 'learner', peer }] : []
    })
    // Without a certificate nobody would believe other voters, and each is certified before the next: those of now stay.
    const mustStay = this.#c.trust.isChainFull || state.pendingChanges.length > 0
    const kept = mustStay ? changes.filter(({ type, peer }) => isForLearning(configuration, type, peer)) : changes
    return kept.length === 0 ? undefined : { changes: kept }
  }

  /**
   * What this leader sees of each member now.
   * @param isPressing somebody waits for the change: whoever is in sync may take a seat, however short it has been up
   */
  #reachability(state: GroupState, isPressing: boolean): Map<PeerIdString, Reachability> {
    const { log, members, self } = this.#c
    const status = log.status()
    return new Map(
      state.members.keys().map((peer) => {
        if (peer === self) return [peer, { reachable: true, failedForMs: 0, inSync: true, upForMs: Number.MAX_SAFE_INTEGER }]
        const alive = members.isAlive(peer)
        const inStateForMs = members.inStateForMs(peer)
        const isSettled = isPressing || inStateForMs >= VOTER_UP_MIN_MS || status?.configuration.voters.includes(peer) === true
        return [
          peer,
          {
            reachable: alive,
            failedForMs: alive ? 0 : inStateForMs,
            inSync: isSettled && status?.progress?.get(peer)?.inSync === true,
            upForMs: alive ? inStateForMs : 0,
          },
        ]
      }),
    )
  }

  #risk(peer: PeerIdString, state: GroupState, why: string, isUp: (peer: PeerIdString) => boolean): QuorumAtRiskError {
    const nameOf = (who: PeerIdString): string => state.members.get(who)?.name ?? who
    const down = state.members.keys().filter((member) => member !== peer && !isUp(member))
    const bring =
      down.length === 0
        ? 'Wait until another member is in sync (`vsmcp status`)'
        : `Bring up ${down.map(nameOf).join(', ')} first`
    return new QuorumAtRiskError(`the group cannot do without the vote of ${nameOf(peer)} now: ${why}`, {
      hint: `${bring}, then try again. When those that are down are lost for good: \`vsmcp recover --force-quorum\`.`,
      details: { down: down.map(nameOf) },
    })
  }
}

/** How many must be up, when fewer are. */
function shortOf(voters: readonly PeerIdString[], isUp: (peer: PeerIdString) => boolean): number | undefined {
  const needed = Math.floor(voters.length / 2) + 1
  return voters.filter(isUp).length < needed ? needed : undefined
}

function isForLearning({ voters }: Configuration, type: string, peer: PeerIdString): boolean {
  return type !== 'voter' && !voters.includes(peer)
}
