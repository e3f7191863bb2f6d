import { createHash } from 'node:crypto'
import { type Charter, type GroupEffect, type GroupState } from '@vsmcp/consensus'
import { type Clock, type Logger, messageOf, type PeerIdString } from '@vsmcp/kernel'
import {
  type Chain,
  encodePassport,
  extendChain,
  type Identity,
  nextLinkStatement,
  orThrow,
  type Passport,
  type Revocation,
  verifyPassport,
  type VerifiedPassport,
} from '@vsmcp/security'
import { type Enrolment, writeEnrolment } from '../enrol/enrolment.ts'
import { RefusedError } from '../errors.ts'
import { canonicalBytes } from './canonical.ts'
import { decodeLink } from './link-certificate.ts'

/** A committed change of voters that has no certificate yet. */
export interface UncertifiedChange {
  readonly index: number
  readonly epoch: number
  readonly before: readonly PeerIdString[]
  readonly now: readonly PeerIdString[]
  readonly digestBefore: string
  readonly digestNow: string
}

export interface TrustComponents {
  dataDir: string
  identity: Identity
  clock: Clock
  logger: Logger
  version: string
  wire: { min: number; max: number; level: number }
  addresses: () => string[]
}

/**
 * Whom this node believes: its own credential, the chain of certified voters from the mesh key to now, and who was
 * revoked. It verifies every hello alone, without asking anybody.
 */
export class Trust {
  readonly #c: TrustComponents
  #enrolment: Enrolment
  #revocations: readonly Revocation[] = []
  #uncertified: UncertifiedChange[] = []
  /** Members this node saw leave: their credentials open nothing any more. */
  readonly #departed = new Set<PeerIdString>()
  #writing: Promise<void> = Promise.resolve()

  constructor(enrolment: Enrolment, components: TrustComponents) {
    this.#enrolment = enrolment
    this.#c = components
  }

  get enrolment(): Enrolment {
    return this.#enrolment
  }

  get chain(): Chain {
    return this.#enrolment.chain
  }

  get uncertified(): readonly UncertifiedChange[] {
    return this.#uncertified
  }

  async passport(): Promise<Uint8Array> {
    return encodePassport(this.#passport())
  }

  async verifyHello(peer: PeerIdString, payload: Uint8Array): Promise<{ info: VerifiedPassport }> {
    if (this.#departed.has(peer)) {
      throw new RefusedError(`${peer} has left this mesh`, {
        hint: 'To come back it needs a new invitation and an empty data directory.',
      })
    }
    const info = orThrow(
      await verifyPassport(peer, payload, {
        meshId: this.#enrolment.meshId,
        nowMs: this.#c.clock.wallMs(),
        revocations: this.#revocations,
        knownChain: this.chain,
      }),
    )
    if (info.extendsKnown) this.#adopt(info.chain)
    return { info }
  }

  /** Keeps step with the group's log: who was revoked, which changes of voters stand and which are certified. */
  follow(before: GroupState, state: GroupState, effects: readonly GroupEffect[]): void {
    this.#readRevocations(state.charter)
    for (const effect of effects) {
      if (effect.type === 'voters:changed') {
        this.#uncertified.push({
          index: effect.index,
          epoch: state.charter.epoch,
          before: [...effect.before].sort(),
          now: [...effect.now].sort(),
          digestBefore: digestOf(before.charter),
          digestNow: digestOf(state.charter),
        })
      }
      if (effect.type === 'link:added') this.#learnLinks(state)
      if (effect.type === 'member:left') this.#departed.add(effect.peer)
      if (effect.type === 'member:joined') this.#departed.delete(effect.peer)
    }
  }

  /** A snapshot replaced the state. */
  install(state: GroupState): void {
    this.#readRevocations(state.charter)
    this.#learnLinks(state)
  }

  /** The statement every voter signs for the oldest change that has no certificate; undefined when all have one. */
  nextStatement(): { change: UncertifiedChange; statement: Uint8Array } | undefined {
    const change = this.#uncertified[0]
    if (change === undefined) return undefined
    const { index, epoch, digestBefore, digestNow, now } = change
    return { change, statement: nextLinkStatement(this.chain, { index, epoch, digestBefore, digestNow, votersNow: now }) }
  }

  /** Remembers where members are, for the next start. */
  rememberPeers(peers: Enrolment['peers']): void {
    this.#update({ peers })
  }

  async markLeft(): Promise<void> {
    this.#update({ left: true })
    await this.#writing
  }

  /** Resolves when all that was learned is on disk. */
  settled(): Promise<void> {
    return this.#writing
  }

  #passport(): Passport {
    const { credential, chain, name } = this.#enrolment
    const { wire, version, addresses } = this.#c
    return { credential, firstCharter: chain.firstCharter, links: chain.links, wire, name, addresses: addresses(), version }
  }

  #readRevocations(charter: Charter): void {
    this.#revocations = charter.revocations.flatMap(({ peer, jti }): Revocation[] => {
      if (typeof peer === 'string') return [{ peer }]
      return typeof jti === 'string' ? [{ jti }] : []
    })
  }

  #learnLinks(state: GroupState): void {
    for (const { index, certificate } of state.links) {
      if (index <= this.chain.index) continue
      const extended = extendChain(this.chain, decodeLink(certificate))
      if (extended.ok) this.#adopt(extended.value)
      else
        this.#c.logger.error(
          { index, error: extended.error.message },
          'a certified change of voters does not follow from the last',
        )
    }
    this.#dropCertified()
  }

  #adopt(chain: Chain): void {
    this.#c.logger.info({ voters: chain.voters, index: chain.index }, 'voters certified')
    this.#update({ chain })
    this.#dropCertified()
  }

  #dropCertified(): void {
    this.#uncertified = this.#uncertified.filter(({ index }) => index > this.chain.index)
  }

  #update(change: Partial<Enrolment>): void {
    this.#enrolment = { ...this.#enrolment, ...change }
    const { dataDir, logger } = this.#c
    this.#writing = this.#writing
      .then(() => writeEnrolment(dataDir, this.#enrolment))
      .catch((error: unknown) => logger.error({ error: messageOf(error) }, 'the enrolment could not be written'))
  }
}

/** Hex SHA-256 of the charter's canonical bytes. */
export function digestOf(charter: Charter): string {
  return createHash('sha256').update(canonicalBytes(charter)).digest('hex')
}
