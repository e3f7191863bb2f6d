import {
  bootstrap,
  encodeGroupState,
  FEATURE_LEVEL,
  foundGroup,
  type GroupState,
  type Message,
  type StoredRaft,
} from '@vsmcp/consensus'
import { type PeerIdString, type Random, seededRandom } from '@vsmcp/kernel'
import { AUTHORITY, GROUP, isEndorsement, isMajority, OPERATOR, OPERATOR_KEY, sameBytes, signatureOf } from './authority.ts'
import { bytesOf } from './bytes.ts'
import type { AskedGrant } from './child-group-invariants.ts'
import { LIFE_MS, WALL_START_MS } from './constants.ts'
import { performDeed } from './deeds.ts'
import { Disk } from './disk.ts'
import { DriftingClock } from './drifting-clock.ts'
import { Duties } from './duties.ts'
import { type Chain } from './chain.ts'
import { Epochs } from './epochs.ts'
import { EventQueue } from './event-queue.ts'
import { isFault, performFault } from './faults.ts'
import { Host, type HostEvents } from './host.ts'
import { Lineage } from './lineage.ts'
import { Mesh } from './mesh.ts'
import { Network } from './network.ts'
import { Dice, type Plan, planOf, type Target } from './plan.ts'
import { recover } from './recovery.ts'
import { Watch } from './watch.ts'

export interface LifeInit {
  readonly seed: number
  /** Simulated milliseconds under faults; another length is another life. @default 10_000 */
  readonly lifeMs?: number
  /** Receives a line for everything that happens. */
  readonly trace?: (line: string) => void
}

/** What one life came to. */
export interface LifeSummary {
  readonly seed: number
  readonly elections: number
  readonly decided: number
  readonly answered: number
  readonly redemptions: number
  readonly evictions: number
  readonly certificates: number
  /** Child groups, and signatures of voters under their grants. */
  readonly founded: number
  readonly granted: number
  /** Epochs started by recoveries, and how often a process was shown that its own was started twice. */
  readonly recoveries: number
  readonly rivals: number
  readonly faults: number
  readonly steps: number
  /** The search for an order of the calls came to an end. */
  readonly ordered: boolean
  /** Simulated milliseconds from the end of the faults to one leader, one log and one view. */
  readonly recoveredMs: number
}

/** Whose processes there are, and what is known of them outside: the hands of a simulated person who runs the machines. */
export class Life {
  readonly plan: Plan
  readonly dice: Dice
  readonly events = new EventQueue()
  readonly network: Network
  readonly mesh: Mesh
  readonly watch: Watch
  readonly duties: Duties
  readonly epochs: Epochs
  /** Who holds a credential: was let in once. */
  readonly admitted: Set<PeerIdString>
  readonly leaving = new Set<PeerIdString>()
  readonly evicting = new Set<PeerIdString>()
  /** Identities whose votes may be forgotten: their directory was put back. */
  readonly tainted = new Set<PeerIdString>()
  /** Identities that work for somebody else. */
  readonly rogues = new Set<PeerIdString>()
  readonly backups = new Map<string, { readonly stored: StoredRaft; readonly chain: Chain }>()
  /** Ids of the invitations asked for, the newest last. */
  readonly invitations: string[] = []
  /** Groups below this one that were asked for, the newest last. */
  readonly groups: AskedGrant[] = []
  /** What waits for a process to lead into a joint configuration. */
  readonly ambushes = new Map<string, () => void>()
  /** Milliseconds a write takes at most, by process; the plan's otherwise. */
  readonly diskMaxMs = new Map<string, number>()
  readonly say: (what: () => string) => void
  nowMs = 0
  steps = 0
  faults = 0
  readonly #lifeMs: number
  #hostCount = 0

  constructor({ seed, lifeMs = LIFE_MS, trace }: LifeInit) {
    this.#lifeMs = lifeMs
    this.plan = planOf(seed, lifeMs)
    this.dice = new Dice(seededRandom(seed * 2 + 1_000_003))
    this.say = trace === undefined ? () => {} : (what) => trace(`${String(this.nowMs).padStart(6)} ms  ${what()}`)
    const now = (): number => this.nowMs
    this.network = new Network(this.dice.random, this.events, now)
    this.network.weather = this.plan.weather
    const first = firstState(this.plan.voters)
    this.epochs = new Epochs(this)
    this.watch = new Watch(this, new Lineage(first, 1))
    this.mesh = new Mesh(this.network, this.events, this.dice, {
      now,
      presence: this.watch.presence,
      changed: (host, effects) => this.watch.sawPresence(host, effects),
      hello: (a, b) => this.epochs.hello(a, b),
      accepts: (host, peer) => this.accepts(host, peer),
    })
    this.duties = new Duties(this)
    this.admitted = new Set(this.plan.voters)
    const stored = bootstrap({ voters: this.plan.voters }, encodeGroupState(first))
    for (const id of this.plan.voters) this.start(id, { stored })
    for (const a of this.mesh.hosts) for (const b of this.mesh.hosts) if (a.key < b.key) this.mesh.open(a, b)
  }

  /** Lives the plan, then has the faults end and waits for the group to be whole. Throws `InvariantBrokenError`. */
  run(): LifeSummary {
    for (const { atMs, what } of this.plan.happenings) {
      this.events.add(atMs, () => {
        this.say(() => `* ${JSON.stringify(what)}`)
        if (isFault(what)) {
          this.faults++
          performFault(this, what)
        } else performDeed(this, what)
      })
    }
    this.passUntil(() => false, this.#lifeMs)
    const recoveredMs = recover(this)
    const lineages = this.watch.lineages
    const ordered = lineages.map(({ history }) => history.check()).every(Boolean)
    const sum = (count: (lineage: Lineage) => number): number => lineages.reduce((all, lineage) => all + count(lineage), 0)
    return {
      seed: this.plan.seed,
      elections: sum(({ raft }) => raft.elections),
      decided: sum(({ group }) => group.decided),
      answered: sum(({ history }) => history.answered),
      redemptions: sum(({ group }) => group.redemptions),
      evictions: sum(({ group }) => group.evictions),
      certificates: sum(({ group }) => group.certificates),
      founded: sum(({ group }) => group.children.founded),
      granted: sum(({ group }) => group.children.grants),
      recoveries: this.epochs.invariants.recoveries,
      rivals: this.epochs.invariants.rivals,
      faults: this.faults,
      steps: this.steps,
      ordered,
      recoveredMs,
    }
  }

  /** Lets what is to happen happen, until `holds` or the time. @returns whether it held */
  passUntil(holds: () => boolean, untilMs: number): boolean {
    for (;;) {
      if (holds()) return true
      const next = this.events.nextAtMs
      if (next === undefined || next > untilMs) break
      const event = this.events.take()
      if (event === undefined) break
      this.nowMs = event.atMs
      this.steps++
      event.run()
    }
    this.nowMs = untilMs
    return holds()
  }

  after(delayMs: number, run: () => void): void {
    this.events.add(this.nowMs + delayMs, run)
  }

  /** A process of an identity begins. `mayVote` is what its seal says. */
  start(
    id: PeerIdString,
    { stored, chain = [], mayVote = true }: { stored?: StoredRaft; chain?: Chain; mayVote?: boolean } = {},
  ): Host {
    const count = this.#hostCount++
    const clock = new DriftingClock(WALL_START_MS + this.dice.between(-5_000, 5_000))
    clock.setRate(this.dice.between(90, 110) / 100, this.nowMs)
    const host: Host = new Host(
      {
        key: mayVote ? id : `${id}~${count}`,
        id,
        disk: new Disk(stored),
        clock,
        timings: this.plan.timings,
        mayVote,
        chain,
        raft: (random) => ({
          random,
          ...(this.plan.signsVotes ? voteSigning(id, () => host.epoch) : {}),
          // As a node's shell does: by the certified links it was shown.
          trustsVoters: (signers) => this.watch.of(host).group.certified.some((voters) => isMajority(signers, voters)),
          areVoters: (voters) => this.watch.of(host).group.certified.at(-1)?.join() === voters.join(),
          verifyEndorsement: (voter, statement, signature) =>
            this.rogues.has(id) || isEndorsement(host.epoch, voter, statement, signature),
        }),
      },
      this.#hostEvents,
      this.freshRandom(),
    )
    this.mesh.started(host)
    host.input(() => {})
    return host
  }

  /** Somebody was let in: its process starts, if it does not run yet, knowing the members that its token names. */
  welcome(id: PeerIdString, { members }: GroupState, chain: Chain): void {
    this.after(0, () => {
      if (this.mesh.hostsOf(id).length > 0 || this.tainted.has(id)) return
      const born = this.start(id, { chain })
      for (const known of members.keys()) this.mesh.listed(born, known)
    })
  }

  restart(host: Host): void {
    // Who left does not come back as it was.
    if (host.up || !this.mesh.hosts.includes(host) || !this.admitted.has(host.id)) return
    this.watch.forget(host)
    host.restart(this.freshRandom())
    this.watch.of(host).raft.sawRestart(host.key, host.disk.hardState.term)
    this.mesh.started(host)
    this.say(() => `${host.key} starts, with ${host.disk.hardState.term} as its term`)
  }

  freshRandom(): Random {
    return seededRandom(this.dice.upTo(2 ** 31))
  }

  /** Whom something happens to now; `undefined` when everybody is down. */
  resolve({ of, nth }: Target): Host | undefined {
    const up = this.mesh.hosts.filter((host) => host.up)
    const leaders = of === 'leaders' ? up.filter((host) => host.leads) : []
    const from = leaders.length > 0 ? leaders : up
    return from[nth % Math.max(1, from.length)]
  }

  /** Whether a member's vote will be there when the faults are over: who left in an epoch that was over, for one, does not come back. */
  lasts(id: PeerIdString): boolean {
    return this.admitted.has(id) && !this.tainted.has(id) && this.mesh.hosts.some(({ key }) => key === id)
  }

  /** A credential, not revoked as far as the process knows, and not of somebody who left as far as it knows. */
  accepts(host: Host, peer: PeerIdString): boolean {
    const { state } = host
    if (!this.admitted.has(peer)) return false
    if (state === undefined || state.members.has(peer)) return true
    if (state.charter.revocations.some((revoked) => revoked.peer === peer)) return false
    return (this.watch.of(host).joinedAt.get(peer) ?? 0) > host.applied
  }

  /** The newest state that any process holds. */
  get newest(): GroupState | undefined {
    return this.mesh.hosts.reduce<Host | undefined>(
      (best, host) => (best === undefined || (host.epoch - best.epoch || host.applied - best.applied) > 0 ? host : best),
      undefined,
    )?.state
  }

  readonly #hostEvents: HostEvents = {
    now: () => this.nowMs,
    at: (atMs, run) => this.events.add(atMs, run),
    authority: AUTHORITY,
    random: () => this.freshRandom(),
    differs: (host, from) => this.epochs.differs(host, from),
    diskMs: (host) => this.dice.between(0, this.diskMaxMs.get(host.key) ?? this.plan.diskMaxMs),
    sent: (host, to, message: Message) => {
      this.say(() => `  ${host.key} -> ${to}  ${this.watch.describe(message)}`)
      this.epochs.invariants.sawDeciding(host)
      this.mesh.sendMessage(host, to, message)
    },
    heard: (host, from, message, { term, recovery }) => {
      this.epochs.invariants.sawHeard(host, from, recovery)
      this.watch.sawHeard(host, from, message, term)
    },
    stepped: (host) => this.watch.sawStep(host),
    written: (host, ready) => this.watch.sawWritten(host, ready),
    applied: (host, entry, before, after) => {
      this.watch.sawApplied(host, entry, before, after)
      if (entry.type !== 'configuration' || after.state.configuration.outgoing.length === 0 || !host.leads) return
      this.ambushes.get(host.key)?.()
      this.ambushes.delete(host.key)
    },
    installed: (host, state) => {
      for (const peer of state.members.keys()) this.mesh.listed(host, peer)
      for (const { peer } of this.mesh.presence(host).view.members()) if (!state.members.has(peer)) this.mesh.unlisted(host, peer)
      this.watch.sawInstalled(host)
    },
    done: (host, ready) => this.watch.sawDone(host, ready),
  }
}

function voteSigning(
  id: PeerIdString,
  epoch: () => number,
): {
  signVote: (term: number, candidate: PeerIdString) => Uint8Array
  verifyVote: (voter: PeerIdString, term: number, candidate: PeerIdString, signature: Uint8Array) => boolean
} {
  const words = (term: number, candidate: PeerIdString): Uint8Array => bytesOf(`for ${candidate} in ${term} of ${epoch()}`)
  return {
    signVote: (term, candidate) => signatureOf({ peer: id }, words(term, candidate)),
    verifyVote: (voter, term, candidate, signature) => sameBytes(signature, signatureOf({ peer: voter }, words(term, candidate))),
  }
}

/** A group of several founders: what a lone founder's group is once two others have joined, without the wait. */
function firstState(voters: readonly PeerIdString[]): GroupState {
  const [founder = 'a'] = voters
  const charter = {
    ...GROUP,
    meshName: 'simulated',
    meshPublicKey: 'bWVzaA',
    path: '/',
    featureLevel: FEATURE_LEVEL,
    voters: [founder],
    policies: { value: 0 },
    operators: [{ name: OPERATOR, publicKey: OPERATOR_KEY }],
    revocations: [],
    zones: [],
  }
  const record = (peer: PeerIdString) => ({ peer, name: peer, role: 'member' as const, zone: '', addresses: [], joinedAtMs: 0 })
  const alone = foundGroup(charter, record(founder))
  const first = alone.members.get(founder)
  const members =
    first === undefined
      ? alone.members
      : voters.reduce((table, peer) => table.with(peer, { ...first, name: peer }), alone.members)
  return { ...alone, charter: { ...alone.charter, voters }, configuration: { ...alone.configuration, voters }, members }
}
