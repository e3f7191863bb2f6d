import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, type PeerIdString } from '@vsmcp/kernel'
import type { Chain } from './chain.ts'
import { ADDRESSES_MAX, NONCE_BYTES } from './constants.ts'
import type { Credential, CredentialClaims } from './credential.ts'
import { ChainBehindError, JoinGrantMismatchError, JoinRefusedError } from './errors.ts'
import type { Invitation } from './invitation.ts'
import { decodeJoinMessage, encodeJoinMessage, type JoinGrant, type JoinMessageOf } from './join-messages.ts'
import type { JoinExchange } from './join-server.ts'
import { isOf, mergeChain } from './merge-chain.ts'
import { verifyPassport } from './passport.ts'
import { makeProof, verifierOf } from './proof.ts'
import { orThrow } from './verdict.ts'
import { verifyCredential } from './verify-credential.ts'

export interface JoinerInit {
  readonly invitation: Invitation
  readonly self: PeerIdString
  /** How this node wants to be called. */
  readonly name: string
  /** Of more than 16 the first are told. */
  readonly addresses: readonly string[]
  /** Feature level that this program supports. @default 1 */
  readonly level?: number
  /** What this node shows of the groups it is a member of, where it is in any: who would speak for one of them must be. */
  readonly passport?: Uint8Array | undefined
}

/** What a newcomer has after joining, all of it verified. */
export interface Joined {
  readonly claims: CredentialClaims
  readonly credential: Credential
  readonly chain: Chain
  readonly peers: JoinGrant['peers']
}

/** The joiner's side, one session per member tried. Methods in this order, each once; out of order `InvalidArgumentError`. */
export interface JoinerSession {
  start(): Uint8Array
  /**
   * Verifies the mesh by the member's passport before anything secret is used. Throws what `verifyPassport` refuses with,
   * `ChainBehindError`, `JoinMessageError`, or `JoinRefusedError` with the member's code and message.
   */
  answerOffer(member: PeerIdString, offer: Uint8Array, nowMs: number): Promise<Uint8Array>
  /** Throws `JoinRefusedError` with the member's code and message, or `JoinGrantMismatchError`, or what the verifiers refuse with. */
  acceptGrant(grant: Uint8Array, nowMs: number): Promise<Joined>
}

export function joinerSession(init: JoinerInit): JoinerSession {
  return new Session(init)
}

/** Runs a session over an exchange with the member that the connection authenticated. */
export async function runJoin(
  session: JoinerSession,
  member: PeerIdString,
  exchange: JoinExchange,
  nowMs: () => number,
): Promise<Joined> {
  await exchange.send(session.start())
  await exchange.send(await session.answerOffer(member, await exchange.receive(), nowMs()))
  return session.acceptGrant(await exchange.receive(), nowMs())
}

class Session implements JoinerSession {
  readonly #init: JoinerInit
  readonly #nonceJ = new Uint8Array(randomBytes(NONCE_BYTES))
  #step: 'start' | 'offer' | 'grant' | 'over' = 'start'
  #chain: Chain | undefined

  constructor(init: JoinerInit) {
    this.#init = init
  }

  start(): Uint8Array {
    this.#turn('start', 'offer')
    const { invitation, level = 1 } = this.#init
    const { id: invitationId, group } = invitation
    return encodeJoinMessage({ type: 'start', invitationId, nonceJ: this.#nonceJ, level, group })
  }

  async answerOffer(member: PeerIdString, offer: Uint8Array, nowMs: number): Promise<Uint8Array> {
    this.#turn('offer', 'over')
    const { invitation, self, name, addresses, passport: own } = this.#init
    const { nonceM, passport } = notRefused(decodeJoinMessage(offer, 'offer', 'refusal'))
    const { meshId } = invitation
    const { chain } = orThrow(await verifyPassport(member, passport, { meshId, nowMs, revocations: [] }))
    assertReaches(chain, invitation, member)
    const proof = makeProof(verifierOf(invitation.secret), { joiner: self, member, nonceJ: this.#nonceJ, nonceM })
    const answer = encodeJoinMessage({
      type: 'proof',
      proof,
      name,
      addresses: addresses.slice(0, ADDRESSES_MAX),
      ...(own === undefined ? {} : { passport: own }),
    })
    this.#chain = chain
    this.#step = 'grant'
    return answer
  }

  async acceptGrant(bytes: Uint8Array, nowMs: number): Promise<Joined> {
    this.#turn('grant', 'over')
    const offered = this.#chain
    if (offered === undefined) throw outOfTurn('grant')
    const { credential, firstCharter, links, peers } = notRefused(decodeJoinMessage(bytes, 'grant', 'refusal'))
    const chain = mergeChain(offered, { firstCharter, links })
    const claims = orThrow(await verifyCredential({ credential, chain, nowMs, revocations: [] }))
    this.#assertAsInvited(claims)
    return { claims, credential, chain, peers }
  }

  #assertAsInvited(claims: CredentialClaims): void {
    const { invitation, self } = this.#init
    const promised = { sub: self, group: invitation.group, zone: invitation.zone, role: invitation.role }
    for (const key of ['sub', 'group', 'zone', 'role'] as const) {
      if (claims[key] === promised[key]) continue
      throw new JoinGrantMismatchError(`the credential granted says ${key} "${claims[key]}", the invitation "${promised[key]}"`, {
        hint: 'Ask for a new token: `vsmcp invite` on a member.',
      })
    }
  }

  #turn(step: 'start' | 'offer' | 'grant', next: 'offer' | 'over'): void {
    if (this.#step !== step) throw outOfTurn(step)
    this.#step = next
  }
}

function outOfTurn(step: string): InvalidArgumentError {
  return new InvalidArgumentError(`a join session was asked for "${step}" out of turn`, {
    hint: 'Use one session per member tried.',
  })
}

function notRefused<M extends JoinMessageOf<'offer'> | JoinMessageOf<'grant'>>(message: M | JoinMessageOf<'refusal'>): M {
  if (message.type !== 'refusal') return message
  const { code, message: text, hint } = message
  throw new JoinRefusedError(code, `the member refused: ${text}`, hint === undefined ? {} : { hint })
}

/** Who left the voters long ago holds a genuine but old chain: the invitation says how far it must reach at least. */
function assertReaches(chain: Chain, { newestEra, group }: Invitation, member: PeerIdString): void {
  if (chain.group === group && isOf(chain, newestEra)) return
  throw new ChainBehindError(`${member} does not know the voters that the invitation names`, {
    hint: 'It may be a member that was long away: try another address, or ask for a new token.',
  })
}
