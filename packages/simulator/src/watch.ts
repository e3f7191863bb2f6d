import { type Applied, type Entry, type GroupState, type Message, type Ready, type RaftStatus } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import type { MembershipEffect } from '@vsmcp/membership'
import { InvariantBrokenError } from './errors.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import type { Lineage } from './lineage.ts'
import type { PolicyOutput } from './policy-history.ts'
import { PresenceInvariants } from './presence-invariants.ts'
import { describeMessage } from './trace.ts'

/** A proposal or read that a client waits for. */
interface Waiting {
  readonly life: number
  readonly term: number
  readonly tell: (outcome: 'void' | Applied) => void
}

interface WaitingRead {
  readonly life: number
  index: number | undefined
  readonly tell: (output: PolicyOutput) => void
}

/** What one process was granted on its way to an election, as the messages it heard say. */
interface Asked {
  readonly grants: Map<number, Set<PeerIdString>>
  handedOverIn: number
}

/** Sees every step of every process and holds it against what must never happen. */
export class Watch {
  readonly presence = new PresenceInvariants()
  readonly #life: Life
  readonly #first: Lineage
  /** Of recoveries, by id. */
  readonly #begun = new Map<string, Lineage>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #reads = new Map<string, WaitingRead>()
  readonly #asked = new Map<string, Asked>()
  readonly #roles = new Map<string, { role: RaftStatus['role']; term: number; life: number }>()
  #readCount = 0

  constructor(life: Life, first: Lineage) {
    this.#life = life
    this.#first = first
  }

  get lineages(): readonly Lineage[] {
    return [this.#first, ...this.#begun.values()]
  }

  /** The books of what a process decides in. */
  of({ chain }: Host): Lineage {
    const id = chain.at(-1)?.id
    return (id === undefined ? undefined : this.#begun.get(id)) ?? this.#first
  }

  began(id: string, lineage: Lineage): void {
    this.#begun.set(id, lineage)
  }

  /** A process gives up its log: what becomes of what it proposed or asked nobody will hear. */
  abandon({ key }: Host): void {
    for (const of of this.#waiting.keys()) if (of.startsWith(`${key} `)) this.#waiting.delete(of)
    for (const context of this.#reads.keys()) if (context.startsWith(`${key}:`)) this.#reads.delete(context)
    this.#roles.delete(key)
    this.#asked.delete(key)
  }

  describe(message: Message): string {
    return describeMessage(message)
  }

  /** Somebody proposed something and wants to hear what becomes of it. */
  await(host: Host, { index, term }: { index: number; term: number }, tell: Waiting['tell']): void {
    this.#waiting.set(`${host.key} ${index}`, { life: host.life, term, tell })
  }

  awaitRead(host: Host, tell: WaitingRead['tell']): string {
    const context = `${host.key}:${++this.#readCount}`
    this.#reads.set(context, { life: host.life, index: undefined, tell })
    return context
  }

  forgetRead(context: string): void {
    this.#reads.delete(context)
  }

  /** Rule 4: a message lifts a term as far as it proves, and by one. */
  sawHeard(host: Host, from: PeerIdString, message: Message, before: number): void {
    const { term } = host.raft.status()
    const proven = message.proof?.term ?? 0
    if (term > Math.max(before, proven) + 1) {
      throw new InvariantBrokenError(
        'terms by steps',
        `${host.key} goes from term ${before} to ${term} by a ${message.type} of ${from}`,
      )
    }
    const asked = this.#askedOf(host)
    if (message.type === 'preVoteAnswer' && message.granted) {
      const grants = asked.grants.get(message.campaign) ?? new Set()
      asked.grants.set(message.campaign, grants.add(from))
    } else if (message.type === 'timeoutNow') asked.handedOverIn = message.term
  }

  sawStep(host: Host): void {
    const status = host.raft.status()
    this.of(host).raft.sawStatus(host.key, status, (index) => host.disk.termAt(index))
    const before = this.#roles.get(host.key)
    if (before?.role === status.role && before.term === status.term && before.life === host.life) return
    this.#roles.set(host.key, { role: status.role, term: status.term, life: host.life })
    const stands =
      (status.role === 'candidate' || status.role === 'leader') && (before?.term !== status.term || before.life !== host.life)
    if (stands) this.#mayStand(host, status)
  }

  /** Rule 2: who stands in a term was told before by a majority that it would be voted for, or asked to by the leader. */
  #mayStand(host: Host, { term, configuration }: RaftStatus): void {
    if (!host.mayVote) throw new InvariantBrokenError('no votes of copies', `${host.key}, a copy, stands in term ${term}`)
    const { grants, handedOverIn } = this.#askedOf(host)
    if (handedOverIn === term - 1) return
    const granted = new Set([...(grants.get(term) ?? []), host.id])
    for (const half of [configuration.voters, configuration.outgoing]) {
      if (half.length > 0 && 2 * half.filter((peer) => granted.has(peer)).length <= half.length) {
        throw new InvariantBrokenError('pre-vote', `${host.key} stands in term ${term} with the grants of ${[...granted].join()}`)
      }
    }
  }

  sawWritten(host: Host, ready: Ready): void {
    const { hardState, entries, softState } = ready
    const { raft } = this.of(host)
    this.#life.epochs.invariants.sawDeciding(host)
    if (hardState !== undefined) {
      if (ready.mustSync) raft.sawSynced(host.key, hardState.term)
      if (!host.mayVote && hardState.vote !== null && hardState.vote !== host.disk.hardState.vote) {
        throw new InvariantBrokenError('no votes of copies', `${host.key}, a copy, votes for ${hardState.vote}`)
      }
      if (host.mayVote) raft.sawVote(host.id, hardState)
    }
    let previousTerm = host.disk.termAt((entries[0]?.index ?? 0) - 1)
    for (const entry of entries) {
      raft.sawWritten(host.key, entry, previousTerm)
      previousTerm = entry.term
    }
    if (softState === undefined) return
    this.#life.say(() => `${host.key} is ${softState.role} in term ${softState.term}, leader ${softState.leader ?? 'unknown'}`)
    // Counts once its term is on disk: what a crash before that undoes, nobody has seen.
    if (softState.role === 'leader') raft.sawLeader(host.id, softState.term, (index) => host.disk.termAt(index))
  }

  sawApplied(host: Host, entry: Entry, before: GroupState, after: Applied): void {
    const { raft, group, joinedAt } = this.of(host)
    raft.sawApplied(host.key, host.raft.status().term, entry)
    group.sawApplied(host.key, entry, before, after)
    for (const effect of after.effects) {
      if (effect.type === 'member:joined') {
        joinedAt.set(effect.peer, entry.index)
        this.#life.admitted.add(effect.peer)
        this.#life.mesh.listed(host, effect.peer)
        this.#life.welcome(effect.peer, after.state, host.chain)
      } else if (effect.type === 'member:left') this.#life.mesh.unlisted(host, effect.peer)
    }
    this.#life.say(
      () =>
        `${host.key} applies ${entry.index}/${entry.term} ${entry.type}: ${after.result.ok ? (after.result.changed ? 'done' : 'no change') : after.result.code}`,
    )
    const key = `${host.key} ${entry.index}`
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    this.#waiting.delete(key)
    // Another term at that index: the proposal was lost.
    if (waiting.life === host.life) waiting.tell(waiting.term === entry.term ? after : 'void')
  }

  sawInstalled(host: Host): void {
    // What was proposed below a snapshot has an outcome that nobody here will hear of.
    for (const key of this.#waiting.keys()) {
      if (key.startsWith(`${host.key} `) && Number(key.slice(host.key.length + 1)) <= host.applied) this.#waiting.delete(key)
    }
  }

  sawDone(host: Host, ready: Ready): void {
    for (const { context, index } of ready.readStates) {
      const read = this.#reads.get(context)
      if (read !== undefined) read.index = index
    }
    for (const context of ready.abandonedReads) this.#reads.delete(context)
    for (const [context, read] of this.#reads) {
      if (read.index === undefined || !context.startsWith(`${host.key}:`) || host.applied < read.index) continue
      this.#reads.delete(context)
      const charter = host.state?.charter
      if (read.life !== host.life || charter === undefined) continue
      read.tell({ kind: 'read', version: charter.policyVersion ?? 1, value: Number(charter.policies['value']) })
    }
    const { state } = host
    const status = host.raft.status()
    // A snapshot that came meanwhile is in force in the log before it is on disk and in the state.
    const awaitsSnapshot = status.firstIndex > status.applied + 1
    if (state === undefined || status.applied !== host.applied || awaitsSnapshot) return
    if (!sameConfiguration(status, state)) {
      throw new InvariantBrokenError(
        'one configuration',
        `at ${host.applied} the log of ${host.key} has ${status.configuration.voters.join()}, its charter ${state.configuration.voters.join()}`,
      )
    }
  }

  sawPresence(host: Host, effects: readonly MembershipEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'state')
        this.#life.say(() => `${host.key} sees ${effect.peer} ${effect.from ?? 'unknown'} -> ${effect.to}, ${effect.why.kind}`)
      else if (effect.type === 'offence') this.#life.say(() => `${host.key} objects to ${effect.peer}: ${effect.why}`)
    }
  }

  /** A process begins anew: what it was granted before does not count any more. */
  forget(host: Host): void {
    for (const { raft } of this.lineages) raft.forget(host.key)
    this.#life.epochs.invariants.forget(host)
    this.#asked.delete(host.key)
    this.#roles.delete(host.key)
  }

  #askedOf(host: Host): Asked {
    let asked = this.#asked.get(host.key)
    if (asked === undefined) {
      asked = { grants: new Map(), handedOverIn: -1 }
      this.#asked.set(host.key, asked)
    }
    return asked
  }
}

function sameConfiguration({ configuration: a }: RaftStatus, { configuration: b }: GroupState): boolean {
  return a.voters.join() === b.voters.join() && a.outgoing.join() === b.outgoing.join() && a.learners.join() === b.learners.join()
}
