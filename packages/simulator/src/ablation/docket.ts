import {
  applyEntry,
  type Authority,
  type Charter,
  encodeOperation,
  FEATURE_LEVEL,
  foundGroup,
  type GroupState,
  type Operation,
  type ResourceClaim,
} from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { claimsToSettle, ClaimWatch } from '@vsmcp/vsm'
import { DECISION_COST_MS, DECISION_DEADLINE_MS } from './constants.ts'
import type { Inbox } from './inbox.ts'
import type { Timeline } from './timeline.ts'

/** Signatures are not what is looked at here. */
const AUTHORITY: Authority = {
  verifySignature: () => true,
  digest: () => '',
  verifyCertificate: () => false,
  linksAnchored: () => 0,
}

/** Between two looks for claims to be called back, as leaders do their duties. */
const DUTY_PERIOD_MS = 500

export interface DocketInit {
  readonly members: readonly PeerIdString[]
  readonly inbox: Inbox
  /** One way from a member to the leader, and back. */
  readonly wayMs: (peer: PeerIdString) => number
  /** Until a majority of the voters has an entry. */
  readonly quorumMs: number
  /** Whether the leader hears this member, and the other way round. */
  readonly isReached: (peer: PeerIdString) => boolean
  readonly isAlive: (peer: PeerIdString) => boolean
  /** Seen as failed since then; undefined for who is not. */
  readonly failedSinceMs: (peer: PeerIdString) => number | undefined
}

/** The docket of one group: the real one, behind a log that orders what is proposed, as Raft promises it. */
export class Docket {
  readonly #timeline: Timeline
  readonly #init: DocketInit
  readonly #watch = new ClaimWatch()
  readonly #followers: { peer: PeerIdString; follow: (claims: readonly ResourceClaim[]) => void }[] = []
  #state: GroupState
  #index = 1

  constructor(timeline: Timeline, init: DocketInit) {
    this.#timeline = timeline
    this.#init = init
    this.#state = founded(init.members)
    timeline.every(DUTY_PERIOD_MS, DUTY_PERIOD_MS, () => this.#settle())
  }

  get claims(): readonly ResourceClaim[] {
    return [...this.#state.claims].map(([, claim]) => claim)
  }

  /** Hears of claims as they change, after the way to this member. */
  follow(peer: PeerIdString, follow: (claims: readonly ResourceClaim[]) => void): void {
    this.#followers.push({ peer, follow })
  }

  /** Before the group begins its work. */
  register(operation: Operation): void {
    this.#apply(operation)
  }

  /** @param done told whether it was decided, when the answer is back, or nobody could be asked */
  propose(peer: PeerIdString, operation: Operation, done: (isDone: boolean) => void): void {
    const isAsked = this.#ask(peer, () => {
      const { result } = this.#apply(operation)
      this.#answer(peer, () => done(result.ok))
    })
    if (!isAsked) this.#timeline.after(DECISION_DEADLINE_MS, () => done(false))
  }

  /** The claims as a quorum has them; undefined when nobody could be asked. */
  read(peer: PeerIdString, done: (claims: readonly ResourceClaim[] | undefined) => void): void {
    const isAsked = this.#ask(peer, () => {
      const { claims } = this
      this.#answer(peer, () => done(claims))
    })
    if (!isAsked) this.#timeline.after(DECISION_DEADLINE_MS, () => done(undefined))
  }

  /** The link is there again: what was missed is heard. */
  catchUp(): void {
    this.#tell()
  }

  /** @returns whether the leader hears it */
  #ask(peer: PeerIdString, decided: () => void): boolean {
    const { inbox, wayMs, quorumMs, isReached } = this.#init
    if (!isReached(peer)) return false
    this.#timeline.after(wayMs(peer), () => inbox.handle(DECISION_COST_MS, () => this.#timeline.after(quorumMs, decided)))
    return true
  }

  #answer(peer: PeerIdString, told: () => void): void {
    this.#timeline.after(this.#init.wayMs(peer), told)
  }

  #apply(operation: Operation) {
    const entry = { index: ++this.#index, term: 1, type: 'normal', data: encodeOperation(operation) } as const
    const before = this.#state
    const applied = applyEntry(before, entry, AUTHORITY)
    this.#state = applied.state
    if (applied.state.claims !== before.claims) this.#tell()
    return applied
  }

  #tell(): void {
    const { claims } = this
    this.#watch.follow(claims, this.#timeline.nowMs)
    for (const { peer, follow } of this.#followers) {
      if (this.#init.isReached(peer)) this.#answer(peer, () => follow(claims))
    }
  }

  #settle(): void {
    const { members, failedSinceMs, isAlive, isReached } = this.#init
    const { nowMs } = this.#timeline
    const sees = (peer: PeerIdString): { state: string; forMs: number } => {
      const sinceMs = failedSinceMs(peer)
      return sinceMs === undefined ? { state: 'alive', forMs: 0 } : { state: 'failed', forMs: nowMs - sinceMs }
    }
    if (this.#state.claims.size === 0) return
    for (const operation of claimsToSettle({ claims: this.claims, watch: this.#watch, sees, monotonicMs: nowMs })) {
      const there = members.filter((peer) => isAlive(peer) && isReached(peer))
      const [author] = there
      if (author === undefined) return
      const endorsements = there.map((peer) => ({ peer, signature: 'AAAA' }))
      void this.#ask(author, () => void this.#apply({ ...operation, endorsements, author, atMs: 0 }))
    }
  }
}

function founded(members: readonly PeerIdString[]): GroupState {
  const [first = 'a'] = members
  const charter: Omit<Charter, 'configuration'> & Charter = {
    meshId: '00112233445566778899aabbccddeeff',
    meshName: 'ablation',
    meshPublicKey: 'AAAA',
    groupId: 'root',
    path: '/',
    epoch: 1,
    featureLevel: FEATURE_LEVEL,
    voters: [first],
    policies: {},
    operators: [],
    revocations: [],
    zones: [],
  }
  const state = foundGroup(charter, { peer: first, name: first, role: 'member', zone: '', addresses: [], joinedAtMs: 1 })
  const member = { name: 'x', role: 'member', zone: '', joinedAtIndex: 1, joinedAtMs: 1, addresses: [] } as const
  const all = members.reduce((table, peer) => table.with(peer, member), state.members)
  return { ...state, members: all, configuration: { ...state.configuration, voters: [...members] } }
}
