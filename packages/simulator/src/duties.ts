import {
  canonicalBytes,
  type Candidate,
  type CertificateFacts,
  chooseVoters,
  type ConfigurationChange,
  type GroupState,
  type MemberChange,
  type Operation,
  changesVoters,
  type Endorsement,
  operationStatement,
  type Reachability,
  type VotersStatement,
  votersStatement,
} from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { certificateOf, endorsedBytes, isMajority, signatureText } from './authority.ts'
import { textOf } from './bytes.ts'
import { DUTIES_MS, VOTER_DEAD_AFTER_MS } from './constants.ts'
import { ask, attempt } from './attempt.ts'
import { signed } from './deeds.ts'
import { propose } from './propose.ts'
import { nextFacts } from './facts.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'

/** Milliseconds after its leave was decided that a process ends: it hears of it, or it does not. */
const FAREWELL_MS = 300

/** Milliseconds for which nobody makes a voter of somebody whose removal was proposed. */
const PARTING_MS = 3_000

/** What a leader does of itself, as a node's does: keeps the voters, has changes certified, carries out leaves and evictions. */
export class Duties {
  readonly #life: Life
  /** Signatures so far under what is to be certified, by process and statement. */
  readonly #signatures = new Map<string, Set<PeerIdString>>()

  /** Members whose removal was proposed, and until when it may still be decided. */
  readonly #parting = new Map<PeerIdString, number>()

  constructor(life: Life) {
    this.#life = life
    this.#soon()
  }

  /** A voter's signature, given only for what its own state bears out. */
  sign(host: Host, facts: CertificateFacts): PeerIdString | undefined {
    const own = host.state === undefined ? undefined : nextFacts(host.state)
    if (!host.mayVote || own === undefined || !same(own, facts)) return undefined
    const { group, raft } = this.#life.watch.of(host)
    group.sawSigned(host.id, facts)
    group.sawSignedBefore(host.id, facts, raft.highestApplied)
    return host.id
  }

  /** A voter's endorsement of a change: it follows the leader that asks, and its docket knows those who are to vote. */
  endorse(host: Host, statement: VotersStatement): Endorsement | undefined {
    const { term, configuration } = host.raft.status()
    const own = votersStatement(configuration, term, statement)
    const known = statement.changes.every(({ type, peer }) => type === 'remove' || host.state?.members.has(peer) === true)
    if (!host.mayVote || !host.isDeciding || !known || !same(own, statement)) return undefined
    return { peer: host.id, signature: signatureText({ peer: host.id }, endorsedBytes(host.epoch, statement)) }
  }

  /** Proposes a change at a process; one of voters when a majority has endorsed it. */
  change(host: Host, change: ConfigurationChange): void {
    const { configuration, term, role } = host.raft.status()
    if (role !== 'leader' || configuration.outgoing.length > 0) return
    // As a node's shell does: one change is certified before the next is proposed.
    if (host.state === undefined || host.state.pendingChanges.length > 0) return
    let touchesVoters = false
    if (!attempt(() => (touchesVoters = changesVoters(configuration, change)))) return
    if (!this.#canDecide(configuration.voters, change)) return
    if (!touchesVoters) {
      ask(host, (raft) => raft.proposeConfiguration(change))
      return
    }
    const statement = votersStatement(configuration, term, change)
    const given = new Map<PeerIdString, Endorsement>()
    for (const voter of configuration.voters) {
      this.#life.mesh.ask(
        host,
        voter,
        (asked) => this.endorse(asked, statement),
        (endorsement) => {
          given.set(voter, endorsement)
          if (2 * given.size <= configuration.voters.length || 2 * (given.size - 1) > configuration.voters.length) return
          // Endorsed while it was a member, proposed when it may be none any more.
          if (change.changes.some(({ type, peer }) => type === 'voter' && !this.#mayVote(host, peer))) return
          if (!this.#canDecide(configuration.voters, change)) return
          if (host.raft.status().term === term) ask(host, (raft) => raft.proposeConfiguration(change, [...given.values()]))
        },
      )
    }
  }

  /** Nobody asks for voters most of which cannot vote. */
  #canDecide(voters: readonly PeerIdString[], { changes }: ConfigurationChange): boolean {
    const after = new Set(voters)
    for (const { type, peer } of changes) {
      if (type === 'voter') after.add(peer)
      else after.delete(peer)
    }
    return 2 * [...after].filter((peer) => !this.#life.lasts(peer)).length < after.size
  }

  #mayVote(host: Host, peer: PeerIdString): boolean {
    return host.state?.members.has(peer) === true && (this.#parting.get(peer) ?? 0) < this.#life.nowMs
  }

  #soon(): void {
    this.#life.after(DUTIES_MS, () => {
      for (const host of this.#life.mesh.hosts) if (host.leads && !host.paused) this.#look(host)
      this.#soon()
    })
  }

  #look(host: Host): void {
    const { state } = host
    if (state === undefined) return
    this.#partings(host, state)
    if (state.pendingChanges.length === 0) this.#keepVoters(host, state)
    const facts = nextFacts(state)
    if (facts !== undefined) this.certify(host, facts)
  }

  #keepVoters(host: Host, state: GroupState): void {
    const { plan, leaving, evicting } = this.#life
    const going = (peer: PeerIdString): boolean => leaving.has(peer) || evicting.has(peer)
    const { configuration } = host.raft.status()
    const candidates = state.members
      .entries()
      .filter(([peer]) => !going(peer))
      .map(([peer, { role, zone, delegateOf }]): Candidate => ({ peer, role, zone, delegateOf }))
    const change = chooseVoters(candidates, this.#reachability(host, state), configuration, {
      target: 5,
      deadAfterMs: VOTER_DEAD_AFTER_MS,
    })
    // Who leaves goes on learning until it is off the list.
    const changes = (change?.changes ?? []).flatMap((each): MemberChange[] => {
      if (each.type !== 'remove' || !going(each.peer) || !state.members.has(each.peer)) return [each]
      return configuration.voters.includes(each.peer) ? [{ type: 'learner', peer: each.peer }] : []
    })
    // In some lives only chance changes who votes; who must go goes all the same.
    const votersToo = plan.keepsVoters || leaving.size > 0 || evicting.size > 0
    const wanted = votersToo
      ? changes
      : changes.filter(({ type, peer }) => type !== 'voter' && !configuration.voters.includes(peer))
    if (wanted.length > 0) this.change(host, { changes: wanted })
  }

  #reachability(host: Host, state: GroupState): Map<PeerIdString, Reachability> {
    const { progress } = host.raft.status()
    const { view } = this.#life.mesh.presence(host)
    return new Map(
      state.members.keys().map((peer): [PeerIdString, Reachability] => {
        if (peer === host.id) return [peer, { reachable: true, failedForMs: 0, inSync: true, upForMs: 1e9 }]
        const seen = view.member(peer)
        // A node whose seal is broken does not start as that identity: for the others it is gone.
        const reachable = seen?.state === 'alive' && !this.#life.tainted.has(peer)
        const sinceMs = seen === undefined ? 0 : host.localMs - seen.sinceMs
        return [
          peer,
          {
            reachable,
            failedForMs: reachable ? 0 : sinceMs,
            inSync: progress.get(peer)?.inSync ?? false,
            upForMs: reachable ? sinceMs : 0,
          },
        ]
      }),
    )
  }

  /** Leaves and evictions of members that do not vote (any more). */
  #partings(host: Host, state: GroupState): void {
    const { leaving, evicting, mesh, nowMs } = this.#life
    const { voters, outgoing } = host.raft.status().configuration
    const atMs = host.clock.wallMs(nowMs)
    for (const peer of [...leaving, ...evicting]) {
      const member = state.members.get(peer)
      if (member === undefined || voters.includes(peer) || outgoing.includes(peer)) continue
      // A leaver is released when the change that took its vote is certified: its signature may be needed.
      if (state.pendingChanges.some(({ before, now }) => before.includes(peer) || now.includes(peer))) continue
      const { joinedAtIndex } = member
      const common = { peer, joinedAtIndex, author: host.id, atMs }
      const isLeave = leaving.has(peer)
      const operation: Operation = isLeave
        ? signedBy(peer, state, { op: 'member:remove', ...common })
        : signed(host, { op: 'member:evict', ...common, untilMs: atMs + 1_000_000, signedAtMs: atMs })
      this.#parting.set(peer, this.#life.nowMs + PARTING_MS)
      propose(this.#life, host, operation, (outcome) => {
        if (outcome === 'void' || !outcome.result.ok) return
        ;(isLeave ? leaving : evicting).delete(peer)
        if (!isLeave) return
        const { epoch } = host
        this.#life.after(FAREWELL_MS, () => {
          // A later epoch may have taken it back.
          if (mesh.hostsOf(peer).some((gone) => gone.epoch > epoch)) return
          for (const gone of mesh.hostsOf(peer)) {
            gone.stop()
            mesh.closeAll(gone, true)
          }
          this.#life.admitted.delete(peer)
        })
      })
    }
  }

  /** Asks those whose signatures make a certificate, and puts it into the docket when there are enough. */
  certify(host: Host, facts: CertificateFacts): void {
    const key = `${host.key} ${host.life} ${textOf(canonicalBytes(facts))}`
    const signers = this.#signatures.get(key) ?? new Set<PeerIdString>()
    this.#signatures.set(key, signers)
    for (const voter of new Set([...facts.votersBefore, ...facts.votersNow])) {
      this.#life.mesh.ask(
        host,
        voter,
        (asked) => this.sign(asked, facts),
        (signer) => {
          signers.add(signer)
          const all = [...signers].sort()
          if (!host.leads || !isMajority(all, facts.votersBefore) || !isMajority(all, facts.votersNow)) return
          signers.clear()
          const atMs = host.clock.wallMs(this.#life.nowMs)
          const certificate = certificateOf(facts, all)
          const op = facts.kind === 'link' ? 'link:add' : 'charter:certify'
          propose(this.#life, host, { op, index: facts.index, certificate, author: host.id, atMs })
        },
      )
    }
  }
}

function signedBy(
  peer: PeerIdString,
  { charter }: GroupState,
  operation: Omit<Extract<Operation, { op: 'member:remove' }>, 'signature'>,
): Operation {
  const whole = operation as Extract<Operation, { op: 'member:remove' }>
  return { ...whole, signature: signatureText({ peer }, operationStatement(charter, whole)) }
}

function same(a: CertificateFacts | VotersStatement, b: CertificateFacts | VotersStatement): boolean {
  return textOf(canonicalBytes(a)) === textOf(canonicalBytes(b))
}
