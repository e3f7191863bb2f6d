import { randomBytes } from 'node:crypto'
import { type ErrorShape, type GroupId, type PeerIdString, RemoteError, toErrorShape, VsmcpError } from '@vsmcp/kernel'
import { AttemptLimiter } from './attempt-limiter.ts'
import {
  JOIN_ATTEMPT_KEYS_MAX,
  JOIN_ATTEMPTS_PER_MINUTE,
  JOIN_ATTEMPTS_PER_MINUTE_IN_ALL,
  NONCE_BYTES,
  REFUSAL_CODE_LENGTH_MAX,
  REFUSAL_TEXT_LENGTH_MAX,
} from './constants.ts'
import { claimsOf, type CredentialClaims } from './credential.ts'
import { JoinFailedError, JoinRateError } from './errors.ts'
import { decodeJoinMessage, encodeJoinMessage, grantOf, type JoinGrant, type RedeemRequest } from './join-messages.ts'

/** One `/vsmcp/join/1` stream, message by message. The transport bounds size and time. */
export interface JoinExchange {
  send(message: Uint8Array): Promise<void>
  receive(): Promise<Uint8Array>
}

export interface JoinServerInit {
  /** Attempts per peer, and per address, and minute. @default 10 */
  attemptsPerMinute?: number
  /** Attempts of all strangers together and minute. @default 600 */
  attemptsPerMinuteInAll?: number
}

export interface JoinServerComponents {
  readonly self: PeerIdString
  /** Monotonic, for the rate limit. */
  monotonicMs(): number
  /**
   * What this node shows at a hello, the papers of this group first (of the root without one). Throws `JoinOtherGroupError` when it has
   * no seat there.
   */
  passport(group?: GroupId): Promise<Uint8Array>
  /**
   * Redeems once and for all: a docket entry. For an unknown invitation and for a wrong proof it throws the same
   * `InvitationRefusedError`; what else is wrong (expired, used up) is told only after the proof was right.
   */
  redeem(request: RedeemRequest): Promise<JoinGrant>
  /** Throws for a program that supports only this feature level, and is too old for the group. @default none is too old */
  assertLevel?(level: number, group?: GroupId): void
}

/** How an exchange ended, for the log; `code` and `message` are what the joiner was told, `cause` is for this side alone. */
export type JoinOutcome =
  | { readonly joined: true; readonly claims: CredentialClaims }
  | { readonly joined: false; readonly code: string; readonly message: string; readonly cause: unknown }

/** Serves one exchange; never rejects because of what the stranger sent or how the stream ended. */
export type JoinServer = (peer: PeerIdString, exchange: JoinExchange, remoteAddress?: string) => Promise<JoinOutcome>

/** The member's side of joining. */
export const joinServer =
  (init: JoinServerInit = {}) =>
  (components: JoinServerComponents): JoinServer => {
    const limiter = new AttemptLimiter({
      perMinute: init.attemptsPerMinute ?? JOIN_ATTEMPTS_PER_MINUTE,
      perMinuteInAll: init.attemptsPerMinuteInAll ?? JOIN_ATTEMPTS_PER_MINUTE_IN_ALL,
      keysMax: JOIN_ATTEMPT_KEYS_MAX,
    })
    return async (peer, exchange, remoteAddress) => {
      try {
        const keys = remoteAddress === undefined ? [peer] : [peer, networkOf(remoteAddress)]
        if (!limiter.allow(keys, components.monotonicMs())) {
          throw new JoinRateError('too many attempts to join within a minute', { hint: 'Wait a minute, then try again.' })
        }
        return { joined: true, claims: await serve(components, peer, exchange) }
      } catch (error) {
        const told = shapeFor(error)
        await refuse(exchange, told)
        return { joined: false, code: told.code, message: told.message, cause: error }
      }
    }
  }

async function serve(components: JoinServerComponents, joiner: PeerIdString, exchange: JoinExchange): Promise<CredentialClaims> {
  const { self: member } = components
  const { invitationId, nonceJ, level = 1, group } = decodeJoinMessage(await exchange.receive(), 'start')
  const nonceM = new Uint8Array(randomBytes(NONCE_BYTES))
  // The same for every id: whether there is such an invitation is for `redeem`, after the proof.
  await exchange.send(encodeJoinMessage({ type: 'offer', nonceM, passport: await components.passport(group) }))
  const { type: _, ...proven } = decodeJoinMessage(await exchange.receive(), 'proof')
  // Told to holders of a token only, and before a use of it is spent.
  components.assertLevel?.(level, group)
  const asked = { invitationId, joiner, member, nonceJ, nonceM, ...proven }
  const grant = await components.redeem(group === undefined ? asked : { ...asked, group })
  const claims = claimsOf(grant.credential)
  await exchange.send(encodeJoinMessage({ type: 'grant', ...grantOf(grant) }))
  return claims
}

/** Tells the joiner, if it still listens: the outcome is the same when it does not. */
async function refuse(exchange: JoinExchange, { code, message, hint }: ErrorShape): Promise<void> {
  try {
    const refusal = {
      type: 'refusal',
      code: code.slice(0, REFUSAL_CODE_LENGTH_MAX),
      message: message.slice(0, REFUSAL_TEXT_LENGTH_MAX),
    } as const
    await exchange.send(
      encodeJoinMessage(hint === undefined ? refusal : { ...refusal, hint: hint.slice(0, REFUSAL_TEXT_LENGTH_MAX) }),
    )
  } catch {
    // The stream is gone: why the join failed is in the outcome.
  }
}

/** What a stranger may be told: our own errors, made for people; of any other only that it happened. */
function shapeFor(error: unknown): ErrorShape {
  if (error instanceof RemoteError) {
    const shape = { code: error.remoteCode, message: error.message }
    return error.hint === undefined ? shape : { ...shape, hint: error.hint }
  }
  if (error instanceof VsmcpError) return toErrorShape(error)
  return toErrorShape(
    new JoinFailedError('the member could not complete the join', { hint: 'Try again, or by another member; its log says why.' }),
  )
}

/** Who can have many addresses at will is one party: an IPv6 /64 counts as a whole, and ports do not count. */
function networkOf(multiaddr: string): string {
  const [, family, host = ''] = multiaddr.split('/')
  if (family !== 'ip6') return `${family}/${host}`
  return `ip6/${expandedIp6(host).slice(0, 4).join(':')}`
}

/** The eight groups of an IPv6 address without zone. */
function expandedIp6(host: string): string[] {
  const [head = '', tail] = (host.split('%')[0] ?? '').toLowerCase().split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':').map((group) => group.replace(/^0+(?=.)/, '')))
  const left = groups(head)
  if (tail === undefined) return left
  const right = groups(tail)
  return [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'), ...right]
}
