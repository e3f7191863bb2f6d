import { isDeepStrictEqual } from 'node:util'
import {
  canonicalBytes,
  type Charter,
  type CharterMark,
  type GroupEffect,
  type GroupState,
  type PendingChange,
} from '@vsmcp/consensus'
import { type Clock, Emitter, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import {
  anchoredEra,
  type Chain,
  type Credential,
  CredentialExpiredError,
  decodeCredentialPayload,
  decodePassport,
  encodePassport,
  heardOf,
  type Identity,
  mergeChain,
  mustKeepVoters,
  nextCharterStatement,
  nextLinkStatement,
  oldestVouching,
  orThrow,
  type Passport,
  RecoveryRivalsError,
  type Revocation,
  type ShownChain,
  verifyCredential,
  verifyPassport,
  type VerifiedPassport,
  type Verdict,
} from '@vsmcp/security'
import { type Enrolment, writeEnrolment } from '../enrol/enrolment.ts'
import { UNLISTED_CREDENTIAL_AGE_MS } from '../constants.ts'
import { FeatureLevelError, MemberLeftError } from '../errors.ts'
import type { Lives } from '../recovery/lives.ts'
import { chainWithLinks } from '../recovery/next-epoch.ts'
import { sha256Hex } from '../sha256.ts'
import type { Standing } from './standing.ts'
import type { TrustedTime } from './trusted-time.ts'

export interface TrustComponents {
  dataDir: string
  identity: Identity
  clock: Clock
  logger: Logger
  version: string
  wire: { min: number; max: number; level: number }
  addresses: () => string[]
  lives: Pick<Lives, 'own' | 'check'>
  time: Pick<TrustedTime, 'nowMs' | 'certified' | 'isClockBehind'>
  standing: Pick<Standing, 'shown'>
  /** Whether this node's copy of the docket lists the peer: it may renew a credential that is over. Undefined while that may lag. */
  isListed: (peer: PeerIdString) => boolean | undefined
  /** Of the charter as known here. */
  groupLevel: () => number
}

interface Events extends Record<string, unknown> {
  /** A recovery started a later epoch than the one this node believed in: what is known of the older one no longer counts. */
  'epoch:began': { epoch: number }
  /** Another recovery started the epoch this node believes in. */
  'epoch:rivals': { peer: PeerIdString; error: RecoveryRivalsError; shown: ShownChain }
}

/**
 * Whom this node believes: its own credential, the chain of certified voters from the mesh key to now, and who was
 * revoked. It verifies every hello alone, without asking anybody.
 */
export class Trust {
  readonly #c: TrustComponents
  readonly #events: Emitter<Events>
  #enrolment: Enrolment
  #revocations: readonly Revocation[] = []
  #state: GroupState | undefined
  #uncertified: readonly PendingChange[] = []
  /** Members this node saw leave: their credentials open nothing any more. */
  readonly #departed = new Set<PeerIdString>()
  /** Members of this group whom a group that has a say about them has evicted. */
  #evictedElsewhere: ReadonlySet<PeerIdString> = new Set()
  #writing: Promise<void> | undefined
  /** What is on disk is not what is known. */
  #isUnwritten = false

  constructor(enrolment: Enrolment, components: TrustComponents) {
    this.#enrolment = enrolment
    this.#c = components
    this.#events = new Emitter((error) => components.logger.error({ error: messageOf(error) }, 'a listener of trust failed'))
  }

  on<K extends keyof Events & string>(event: K, listener: (payload: Events[K]) => void): () => void {
    return this.#events.on(event, listener)
  }

  get enrolment(): Enrolment {
    return this.#enrolment
  }

  get chain(): Chain {
    return this.#enrolment.chain
  }

  /** Committed changes of voters that have no certificate yet, in order. */
  get uncertified(): readonly PendingChange[] {
    return this.#uncertified
  }

  /** The voters of now stay: what room the chain has left is for a group that must get back to three, and for recoveries. */
  get isChainFull(): boolean {
    return mustKeepVoters(this.chain)
  }

  /** Index of the oldest voter set that still vouches for members. */
  get oldestVouching(): number {
    return oldestVouching(this.chain, this.#enrolment.heardOf, this.#c.time.nowMs())
  }

  isRevoked(peer: PeerIdString): boolean {
    return this.#evictedElsewhere.has(peer) || this.#revocations.some((revoked) => 'peer' in revoked && revoked.peer === peer)
  }

  /** From now on these are refused, and nobody else for what other groups have decided. */
  refuseEvictedElsewhere(peers: ReadonlySet<PeerIdString>): void {
    this.#evictedElsewhere = peers
  }

  /** Whether this node saw the member leave. */
  hasLeft(peer: PeerIdString): boolean {
    return this.#departed.has(peer)
  }

  async passport(): Promise<Uint8Array> {
    return encodePassport(this.#passport())
  }

  async verifyHello(peer: PeerIdString, payload: Uint8Array): Promise<{ info: VerifiedPassport; addresses: readonly string[] }> {
    // A chain proves itself, whoever shows it, and a later epoch may have taken back who left the older one.
    const passport = decodePassport(payload)
    this.learnChain(peer, passport)
    // Who was evicted is told so, and not that it left.
    if (this.#departed.has(peer) && !this.isRevoked(peer)) {
      throw memberLeft(`${peer} has left this mesh`)
    }
    const isListed = this.#c.isListed(peer)
    const nowMs = this.#nowBy(passport)
    const verdict = await verifyPassport(peer, passport, {
      meshId: this.#enrolment.meshId,
      nowMs,
      revocations: [...this.#revocations, ...[...this.#evictedElsewhere].map((evicted): Revocation => ({ peer: evicted }))],
      knownChain: this.chain,
      oldestVoterIndex: this.oldestVouching,
      mayBeOver: isListed === true,
    })
    // Who was forgotten, or left, while this node was not there to see it: its credential has outlived its membership.
    if (isListed === false && isOfLongAgo(verdict, nowMs)) {
      throw memberLeft(`${peer} is no member of this mesh any more: the docket does not list it`)
    }
    const info = orThrow(verdict)
    this.assertLevel(info.passport.wire.level)
    this.#c.time.certified(info.claims.iat * 1_000)
    this.#c.standing.shown(info.claims)
    this.#c.lives.check(peer, info.passport.life)
    return { info, addresses: info.passport.addresses }
  }

  /** A chain that a member shows. Throws for one that is not genuine, or contradicts what is known. @returns whether it is later than that */
  learnChain(peer: PeerIdString, shown: ShownChain): boolean {
    const chain = this.#merged(peer, shown)
    if (chain === this.chain) return false
    this.#adopt(chain)
    return true
  }

  /** Rivals are not only refused: whoever met one takes no part in decisions. */
  #merged(peer: PeerIdString, shown: ShownChain): Chain {
    try {
      return mergeChain(this.chain, shown)
    } catch (error) {
      if (error instanceof RecoveryRivalsError) this.#events.emit('epoch:rivals', { peer, error, shown })
      throw error
    }
  }

  /** Keeps step with the group's log: who was revoked, which changes of voters stand and which are certified. */
  follow(state: GroupState, effects: readonly GroupEffect[]): void {
    this.#read(state)
    for (const effect of effects) {
      if (effect.type === 'link:added' || effect.type === 'chain:anchored') this.#learnLinks(state)
      if (effect.type === 'member:left') this.#departed.add(effect.peer)
      if (effect.type === 'member:joined') this.#departed.delete(effect.peer)
    }
  }

  /** A snapshot replaced the state. */
  install(before: GroupState | undefined, state: GroupState): void {
    this.#read(state)
    this.#learnLinks(state)
    for (const peer of before?.members.keys() ?? []) if (!state.members.has(peer)) this.#departed.add(peer)
    for (const peer of state.members.keys()) this.#departed.delete(peer)
  }

  /** The statement every voter signs for the oldest change that has no certificate; undefined when all have one. */
  nextStatement(): { change: PendingChange; statement: Uint8Array } | undefined {
    const change = this.#uncertified[0]
    if (change === undefined) return undefined
    const { index, epoch, digestBefore, digestNow, now: votersNow, recoverers } = change
    const said = { index, epoch, digestBefore, digestNow, votersNow, ...(recoverers && { recoverers }) }
    return { change, statement: nextLinkStatement(this.chain, said) }
  }

  /** The statement every voter signs for the newest charter; undefined when it is certified, or a change of voters comes first. */
  nextCharter(): { mark: CharterMark; statement: Uint8Array } | undefined {
    return this.#state === undefined ? undefined : nextCharterStatement(this.#state, this.chain)
  }

  /** Shows this credential from now on. Throws for one that is not genuine, or not of now. */
  async renew(credential: Credential): Promise<void> {
    const { chain, oldestVouching: oldestVoterIndex } = this
    const check = { credential, chain, nowMs: this.#c.time.nowMs(), revocations: [], oldestVoterIndex }
    const { name } = orThrow(await verifyCredential(check))
    this.#c.logger.debug({ name }, 'a new credential is in force')
    this.#update({ credential, signers: undefined })
    await this.settled()
  }

  /** Throws `FeatureLevelError` when a program that supports this level is too old for the group. */
  assertLevel(level: number): void {
    const needed = this.#c.groupLevel()
    if (level >= needed) return
    throw new FeatureLevelError(`its program supports feature level ${level}, and this group is at ${needed}`, {
      hint: 'Update the program of that node. The level was raised when all voters supported it, and does not go down.',
      details: { level, needed },
    })
  }

  /** A clock that is known to be behind follows what a majority of the voters signed. */
  #nowBy({ credential }: Passport): number {
    const { time } = this.#c
    if (!time.isClockBehind) return time.nowMs()
    return Math.max(time.nowMs(), decodeCredentialPayload(Buffer.from(credential.payload, 'base64url')).iat * 1_000)
  }

  /** Remembers where members are, for the next start. */
  rememberPeers(peers: Enrolment['peers']): void {
    if (!isDeepStrictEqual(peers, this.#enrolment.peers)) this.#update({ peers })
  }

  /** Lasts over restarts: see `Epochs`. */
  rememberRival(rival: NonNullable<Enrolment['rival']>): void {
    this.#update({ rival })
  }

  /** Throws when it could not be written down. */
  async markLeft({ evicted = false, forgotten = false } = {}): Promise<void> {
    this.#update({ left: true, evicted, forgotten })
    await this.written()
  }

  /** Resolves when all that was learned is on disk. Throws when it could not be written. */
  async written(): Promise<void> {
    await this.settled()
    if (this.#isUnwritten) await writeEnrolment(this.#c.dataDir, this.#enrolment)
  }

  /** Resolves when all that was learned is on disk, or could not be written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #passport(): Passport {
    const { credential, chain, signers, name } = this.#enrolment
    const { wire, version, addresses, lives } = this.#c
    const { firstCharter, links } = signers ?? chain
    return { credential, firstCharter, links, wire, name, addresses: addresses(), version, life: lives.own }
  }

  #read(state: GroupState): void {
    this.#state = state
    this.#revocations = state.charter.revocations.map(({ peer }): Revocation => ({ peer }))
    this.#dropCertified()
  }

  #learnLinks(state: GroupState): void {
    try {
      const chain = chainWithLinks(this.chain, state)
      if (chain !== this.chain) this.#adopt(chain)
    } catch (error) {
      const index = state.links.at(-1)?.index
      const text = 'the certified changes of voters in the docket cannot be read, or do not follow from those known'
      this.#c.logger.error({ index, error: messageOf(error) }, text)
    }
    this.#dropCertified()
  }

  #adopt(chain: Chain): void {
    const { epoch } = this.chain
    this.#c.logger.info({ voters: chain.voters, index: chain.index, links: chain.links.length }, 'voters certified')
    this.#update({
      chain,
      signers: this.#signersBeside(chain),
      heardOf: heardOf(this.#enrolment.heardOf, chain, this.#c.time.nowMs()),
    })
    this.#dropCertified()
    if (chain.epoch > epoch) this.#begin(chain)
  }

  /** What to show a credential with whose voters the chain does not name any more, until it is renewed. */
  #signersBeside(beside: Chain): ShownChain | undefined {
    const { credential, chain, signers } = this.#enrolment
    const anchored = anchoredEra(beside)
    const { voterIndex } = decodeCredentialPayload(Buffer.from(credential.payload, 'base64url'))
    return anchored === undefined || voterIndex >= anchored.index ? undefined : (signers ?? chain)
  }

  /** Until the state of the new epoch is here: its voters are members again, whatever the older one made of them. */
  #begin({ epoch, voters }: Chain): void {
    this.#state = undefined
    this.#uncertified = []
    for (const voter of voters) this.#departed.delete(voter)
    this.#revocations = this.#revocations.filter((revoked) => !('peer' in revoked && voters.includes(revoked.peer)))
    this.#events.emit('epoch:began', { epoch })
  }

  #dropCertified(): void {
    this.#uncertified = (this.#state?.pendingChanges ?? []).filter(({ index }) => index > this.chain.index)
  }

  #update(change: Partial<Enrolment>): void {
    this.#enrolment = { ...this.#enrolment, ...change }
    this.#isUnwritten = true
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  /** What comes while a write is under way is written with the next one, all at once. */
  async #write(): Promise<void> {
    const { dataDir, logger } = this.#c
    await Promise.resolve()
    while (this.#isUnwritten) {
      this.#isUnwritten = false
      try {
        await writeEnrolment(dataDir, this.#enrolment)
      } catch (error) {
        this.#isUnwritten = true
        logger.error({ error: messageOf(error) }, 'the enrolment could not be written; it is tried again with the next change')
        return
      }
    }
  }
}

function isOfLongAgo(verdict: Verdict<VerifiedPassport>, nowMs: number): boolean {
  if (!verdict.ok) return verdict.error instanceof CredentialExpiredError
  return verdict.value.claims.iat * 1_000 + UNLISTED_CREDENTIAL_AGE_MS < nowMs
}

function memberLeft(message: string): MemberLeftError {
  return new MemberLeftError(message, { hint: 'To come back it needs a new invitation.' })
}

/** Hex SHA-256 of the charter's canonical bytes. */
export function digestOf(charter: Charter): string {
  return sha256Hex(canonicalBytes(charter))
}
