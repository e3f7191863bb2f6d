import type { GroupId, PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { copyOf } from './chain.ts'
import {
  ADDRESSES_MAX,
  GRANT_PEERS_MAX,
  INVITATION_ID_BYTES,
  JOIN_MESSAGE_BYTES_MAX,
  NONCE_BYTES,
  PASSPORT_BYTES_MAX,
  PROOF_BYTES,
  REFUSAL_CODE_LENGTH_MAX,
  REFUSAL_TEXT_LENGTH_MAX,
} from './constants.ts'
import { type Credential, credentialSchema } from './credential.ts'
import { JoinMessageError } from './errors.ts'
import {
  addressesField,
  counterField,
  fixedBytesField,
  groupField,
  linksField,
  nameField,
  peerField,
  signedCharterField,
} from './fields.ts'
import type { SignedCharter } from './first-charter.ts'
import { base64urlCodec, decoding, pack, unpack } from './form.ts'
import type { Link } from './link.ts'
import type { ProofInput } from './proof.ts'

/** What a joiner asks for, as it goes to whoever redeems (the leader); who that is must check that `member` is who asks. */
export interface RedeemRequest extends ProofInput {
  /** The group that the invitation is to; absent from joiners below feature level 4, which mean the root. */
  readonly group?: GroupId
  readonly invitationId: string
  readonly proof: Uint8Array
  readonly name: string
  readonly addresses: readonly string[]
  /** What the joiner shows of the groups it is a member of already; absent from who is in none. Nothing in it is verified yet. */
  readonly passport?: Uint8Array | undefined
}

/** What a newcomer gets. */
export interface JoinGrant {
  readonly credential: Credential
  readonly firstCharter: SignedCharter
  readonly links: readonly Link[]
  /** Other members and where they can be dialed. */
  readonly peers: readonly { readonly peer: PeerIdString; readonly addresses: readonly string[] }[]
}

const invitationIdField = z.string().regex(new RegExp(`^[0-9a-f]{${2 * INVITATION_ID_BYTES}}$`), 'not an invitation id')
const nonceField = fixedBytesField(NONCE_BYTES)
const proofField = fixedBytesField(PROOF_BYTES)
const refusalText = z.string().max(REFUSAL_TEXT_LENGTH_MAX)

const startSchema = z.object({
  type: z.literal('start'),
  invitationId: invitationIdField,
  nonceJ: nonceField,
  /** Feature level that the joiner's program supports; releases of level 1 said nothing. */
  level: counterField.exactOptional(),
  /** The group that the invitation is to; releases below level 4 said nothing, and knew the root only. */
  group: groupField.exactOptional(),
})
const passportField = base64urlCodec.refine((bytes) => bytes.length <= PASSPORT_BYTES_MAX, 'too long')
const offerSchema = z.object({ type: z.literal('offer'), nonceM: nonceField, passport: passportField })
const proofSchema = z.object({
  type: z.literal('proof'),
  proof: proofField,
  name: nameField,
  addresses: addressesField,
  passport: passportField.optional(),
})
const grantFields = {
  credential: credentialSchema,
  firstCharter: signedCharterField,
  links: linksField,
  peers: z.array(z.object({ peer: peerField, addresses: addressesField })).max(GRANT_PEERS_MAX),
}
const grantSchema = z.object({ type: z.literal('grant'), ...grantFields })
const refusalSchema = z.object({
  type: z.literal('refusal'),
  code: z.string().max(REFUSAL_CODE_LENGTH_MAX),
  message: refusalText,
  hint: refusalText.optional(),
})
const redeemSchema = z.object({
  invitationId: invitationIdField,
  joiner: peerField,
  member: peerField,
  nonceJ: nonceField,
  nonceM: nonceField,
  proof: proofField,
  name: nameField,
  addresses: addressesField,
  group: groupField.exactOptional(),
  passport: passportField.optional(),
})

/** All that is said on `/vsmcp/join/1`; the type tells whose turn it was. */
const messageSchema = z.discriminatedUnion('type', [startSchema, offerSchema, proofSchema, grantSchema, refusalSchema])

export type JoinMessage = z.output<typeof messageSchema>
export type JoinMessageOf<T extends JoinMessage['type']> = Extract<JoinMessage, { type: T }>

/** Throws `JoinMessageError` for what would be refused at the other end. */
export function encodeJoinMessage(message: JoinMessage): Uint8Array {
  return decoding(
    () => pack(messageSchema, message, JOIN_MESSAGE_BYTES_MAX),
    (reason, cause) => new JoinMessageError(`a join message (${message.type}) cannot be sent: ${reason}`, { cause }),
  )
}

/** Throws `JoinMessageError`, also for a message that is not of the types whose turn it is. */
export function decodeJoinMessage<T extends JoinMessage['type']>(bytes: Uint8Array, ...expected: T[]): JoinMessageOf<T> {
  const message = decoding(
    () => unpack(messageSchema, bytes, JOIN_MESSAGE_BYTES_MAX),
    (reason, cause) =>
      new JoinMessageError(`the other side of the join sent what cannot be read: ${reason}`, {
        hint: 'It is no VSMCP node, or of a version that cannot talk to this one.',
        cause,
      }),
  )
  const types: readonly string[] = expected
  if (!types.includes(message.type)) {
    throw new JoinMessageError(
      `the other side of the join sent "${message.type}" when it was time for "${expected.join('" or "')}"`,
    )
  }
  return message as JoinMessageOf<T>
}

/** A grant as a message or a payload of its own. */
export function grantOf({ credential, firstCharter, links, peers }: JoinGrant): Omit<JoinMessageOf<'grant'>, 'type'> {
  return {
    credential: { payload: credential.payload, signatures: [...credential.signatures] },
    firstCharter,
    links: copyOf(links),
    peers: peers.slice(0, GRANT_PEERS_MAX).map(({ peer, addresses }) => ({ peer, addresses: addresses.slice(0, ADDRESSES_MAX) })),
  }
}

/** For the way from the member to the leader. Throws `JoinMessageError`. */
export function encodeRedeemRequest(request: RedeemRequest): Uint8Array {
  return decoding(() => pack(redeemSchema, { ...request, addresses: [...request.addresses] }, JOIN_MESSAGE_BYTES_MAX), badRequest)
}

export function decodeRedeemRequest(bytes: Uint8Array): RedeemRequest {
  return decoding(() => unpack(redeemSchema, bytes, JOIN_MESSAGE_BYTES_MAX), badRequest)
}

/** For the way back. Of more than 64 peers the first are kept. Throws `JoinMessageError`. */
export function encodeJoinGrant(grant: JoinGrant): Uint8Array {
  return encodeJoinMessage({ type: 'grant', ...grantOf(grant) })
}

export function decodeJoinGrant(bytes: Uint8Array): JoinGrant {
  const { credential, firstCharter, links, peers } = decodeJoinMessage(bytes, 'grant')
  return { credential, firstCharter, links, peers }
}

function badRequest(reason: string, cause: unknown): JoinMessageError {
  return new JoinMessageError(`this is no request to redeem an invitation: ${reason}`, { cause })
}
