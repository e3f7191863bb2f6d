import { LINKS_BESIDE_ANCHOR, type MemberChange, type Operation, operationStatement, policyVersionOf } from '@vsmcp/consensus'
import type { PeerIdString } from '@vsmcp/kernel'
import { ask } from './attempt.ts'
import { anchorOf, certificateOf, OPERATOR, OPERATOR_KEY, signatureText } from './authority.ts'
import { nextFacts } from './facts.ts'
import { performGroupDeed } from './group-deeds.ts'
import type { Host } from './host.ts'
import type { Life } from './life.ts'
import type { Deed } from './plan.ts'
import type { PolicyOutput } from './policy-history.ts'
import { propose } from './propose.ts'

type Perform<K extends Deed['kind']> = (life: Life, host: Host, deed: Extract<Deed, { kind: K }>) => void

/** Who may join a life beside its first voters. */
const NEWCOMERS = ['f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'] as const

const PERFORM: { readonly [K in Deed['kind']]: Perform<K> } = {
  'policy-set': setPolicies,
  'policy-read': (life, host) => readPolicies(life, host),
  backup: (life, host) => {
    if (host.mayVote) life.backups.set(host.key, { stored: host.disk.copy(), chain: host.chain })
  },
  invite: (life, host, { uses, lifeMs }) => {
    const atMs = host.clock.wallMs(life.nowMs)
    const id = `i${life.invitations.length}`
    life.invitations.push(id)
    propose(life, host, {
      op: 'invitation:create',
      id,
      verifier: 'AAAA',
      role: 'member',
      zone: '',
      uses,
      expiresAtMs: atMs + lifeMs,
      createdBy: host.id,
      author: host.id,
      atMs,
    })
  },
  redeem,
  leave: (life, host) => {
    if (canLose(life, host.id)) life.leaving.add(host.id)
  },
  evict: (life, host, { by }) => {
    const leader = life.resolve(by)
    if (leader !== undefined && leader.id !== host.id && canLose(life, host.id)) life.evicting.add(host.id)
  },
  trespass,
  reconfigure,
  transfer: (life, host, { to }) => {
    const peer = host.raft.status().configuration.voters[to]
    if (peer !== undefined) ask(host, (raft) => raft.transferLeadership(peer))
  },
  compact: (_, host, { keep }) => void host.compact(keep),
  group: performGroupDeed,
}

export function performDeed(life: Life, deed: Deed): void {
  const host = life.resolve(deed.whom)
  if (host === undefined || host.paused) return
  ;(PERFORM[deed.kind] as (life: Life, host: Host, deed: Deed) => void)(life, host, deed)
}

/** An operator's decision, signed for the group as the process knows it. */
export function signed<O extends Operation>(host: Host, operation: Omit<O, 'signature' | 'operator' | 'reason'>): O {
  const whole = { ...operation, operator: OPERATOR, reason: 'because' } as unknown as O
  const charter = host.state?.charter
  if (charter === undefined) throw new Error(`${host.key} holds no charter to sign for`)
  return { ...whole, signature: signatureText({ publicKey: OPERATOR_KEY }, operationStatement(charter, whole)) }
}

export function setPolicies(
  life: Life,
  host: Host,
  { value, stale }: { readonly value: number; readonly stale: boolean },
  then: (taken: boolean) => void = () => {},
): void {
  const { state } = host
  if (state === undefined) return
  const expects = policyVersionOf(state.charter) - (stale ? 1 : 0)
  if (expects < 1) return
  const atMs = host.clock.wallMs(life.nowMs)
  const operation = signed<Extract<Operation, { op: 'policy:set' }>>(host, {
    op: 'policy:set',
    policies: { value },
    expects,
    signedAtMs: atMs,
    author: host.id,
    atMs,
  })
  // Asked before it is known whether it is taken: what is refused at once surely has no effect.
  const answer = life.watch.of(host).history.call({ kind: 'set', expects, value })
  const taken = propose(life, host, operation, (outcome) => {
    if (outcome === 'void') answer('void')
    else if (outcome.result.ok) answer({ kind: 'set' })
    else answer(outcome.result.code === 'version-differs' ? { kind: 'refused' } : 'void')
    then(outcome !== 'void' && outcome.result.ok)
  })
  if (!taken) answer('void')
}

export function readPolicies(life: Life, host: Host, then: () => void = () => {}): void {
  const answer = life.watch.of(host).history.call({ kind: 'read' })
  const context = life.watch.awaitRead(host, (output: PolicyOutput) => {
    answer(output)
    then()
  })
  if (!ask(host, (raft) => raft.readIndex(context))) {
    life.watch.forgetRead(context)
    answer('void')
  }
}

/** A newcomer's process starts when it was let in (`Life.welcome`); who asks twice is let in once. */
function redeem(life: Life, host: Host, { invitation, peer, twice }: Extract<Deed, { kind: 'redeem' }>): void {
  const newcomer = NEWCOMERS[peer]
  const id = life.invitations.at(-1 - invitation)
  if (newcomer === undefined || id === undefined) return
  const operation: Operation = {
    op: 'invitation:redeem',
    id,
    peer: newcomer,
    name: newcomer,
    author: host.id,
    atMs: host.clock.wallMs(life.nowMs),
  }
  propose(life, host, operation)
  if (twice) life.after(life.dice.upTo(500), () => propose(life, life.resolve({ of: 'leaders', nth: 0 }) ?? host, operation))
}

/** Somebody who may not, or not any more, wants something of the group. */
function trespass(life: Life, host: Host, { peer, how }: Extract<Deed, { kind: 'trespass' }>): void {
  const atMs = host.clock.wallMs(life.nowMs)
  const revoked = host.state?.charter.revocations ?? []
  const who = revoked[peer % Math.max(1, revoked.length)]?.peer ?? `x${peer}`
  const id = life.invitations.at(-1) ?? 'i0'
  if (how === 0 && revoked.length > 0)
    propose(life, host, { op: 'invitation:redeem', id, peer: who, name: who, author: host.id, atMs })
  else if (how === 1) propose(life, host, { op: 'unit:claim', unit: `u${peer}`, peer: who, author: who, atMs })
  else if (how === 2) {
    const victim = host.state?.members.keys()[peer]
    const joinedAtIndex = host.state?.members.get(victim ?? '')?.joinedAtIndex
    if (victim === undefined || joinedAtIndex === undefined) return
    const signature = signatureText({ peer: who }, new Uint8Array([peer]))
    propose(life, host, { op: 'member:remove', peer: victim, joinedAtIndex, signature, author: host.id, atMs })
  } else if (host.state?.pendingChanges[0] !== undefined) {
    // A certificate with a single signature.
    const facts = nextFacts(host.state)
    if (facts === undefined) return
    const certificate = certificateOf(facts, [host.id])
    propose(life, host, { op: 'link:add', index: facts.index, certificate, author: host.id, atMs })
  } else {
    anchor(life, host, peer)
    const version = policyVersionOf(host.state?.charter ?? {})
    propose(life, host, {
      op: 'policy:set',
      policies: { value: -1 },
      expects: version,
      operator: OPERATOR,
      reason: 'mine now',
      signedAtMs: atMs,
      signature: signatureText({ peer: host.id }, new Uint8Array([peer])),
      author: host.id,
      atMs,
    })
  }
}

/**
 * Somebody hands in an anchor, genuine or not, for some of the links. No life of its length has links to spare (`LINKS_BESIDE_ANCHOR`) but one in which
 * that bound was made small.
 */
function anchor(life: Life, host: Host, chance: number): void {
  const { links = [], charter } = host.state ?? {}
  const spare = links.length - LINKS_BESIDE_ANCHOR
  if (charter === undefined || spare < 2) return
  const certificates = links.map(({ certificate }) => certificate)
  const key = chance % 3 === 0 ? OPERATOR_KEY : charter.meshPublicKey
  const text = anchorOf(key, certificates, spare + (chance % 2))
  propose(life, host, { op: 'chain:anchor', anchor: text, author: host.id, atMs: host.clock.wallMs(life.nowMs) })
}

/** Other voters by chance: any members but those that cannot vote or are about to go. */
export function reconfigure(
  life: Life,
  host: Host,
  { wanted, alone }: Pick<Extract<Deed, { kind: 'reconfigure' }>, 'wanted' | 'alone'>,
): void {
  const { configuration } = host.raft.status()
  const members = host.state?.members.keys() ?? []
  const fit = members.filter((peer) => life.lasts(peer) && !life.leaving.has(peer) && !life.evicting.has(peer))
  const target = new Set(fit.filter((_, at) => ((wanted >> at) & 1) === 1))
  const changes = fit.flatMap((peer, at): MemberChange[] => {
    const votes = configuration.voters.includes(peer)
    if (target.has(peer)) return votes ? [] : [{ type: 'voter', peer }]
    return votes && ((wanted >> (at + 6)) & 1) === 0 ? [{ type: 'learner', peer }] : []
  })
  const chosen = alone ? changes.slice(0, 1) : changes
  if (chosen.length > 0) life.duties.change(host, { changes: chosen })
}

/** Whether enough members stay that can vote. */
function canLose(life: Life, id: PeerIdString): boolean {
  const members = life.newest?.members.keys() ?? []
  const staying = members.filter((peer) => peer !== id && life.lasts(peer) && !life.leaving.has(peer) && !life.evicting.has(peer))
  return staying.length >= 2 && life.lasts(id)
}
