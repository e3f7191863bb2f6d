import { createRequire } from 'node:module'

import { decodeGroupState, decodeOperation, encodeGroupState, validateMessage } from '../../../packages/consensus/src/index.ts'
import {
  decodeChain,
  decodeCredential,
  decodeCredentialPayload,
  decodeJoinGrant,
  decodePassport,
  decodeRedeemRequest,
  decodeToken,
  orThrow,
  verifyChain,
} from '../../../packages/security/src/index.ts'
import { readCharter } from '../../../packages/consensus/src/group/charter.ts'
import { decodeFrame, type FrameSink } from '../../../packages/mesh/src/frame.ts'
import { decodeLinkMessage } from '../../../packages/mesh/src/link-message.ts'
import {
  readCredentialPart,
  readDecided,
  readIndexAnswer,
  readLinkSignature,
} from '../../../packages/node/src/system5/answers.ts'
import { decodeJoinMessage } from '../../../packages/security/src/join-messages.ts'
import { openEnvelope } from '../../../packages/state/src/envelope.ts'
import { decodeGossip, decodeKnown, decodeRecords, decodeSync } from '../../../packages/state/src/wire.ts'

/** The form in which consensus messages are sent is `node`'s choice, and so its dependency. */
const { unpack } = createRequire(new URL('../../../packages/node/package.json', import.meta.url))('msgpackr') as {
  unpack: (bytes: Uint8Array) => unknown
}

/** JSON, bytes as `{"$bytes": base64}`. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/** What a value is, in a form that can be kept and compared. */
export function plain(value: unknown): Plain {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof Map) return [...value].map(plain)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object') {
    const present = Object.entries(value).filter(([, field]) => field !== undefined && typeof field !== 'function')
    return Object.fromEntries(present.map(([key, field]) => [key, plain(field)]))
  }
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : JSON.stringify(value)
}

const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'))

/** How this version reads each kind of what was recorded. */
const READERS = {
  link: (bytes: Uint8Array) => decodeLinkMessage(bytes),
  frame: (bytes: Uint8Array) => frameOf(bytes),
  raft: (bytes: Uint8Array) => validateMessage(unpack(bytes)),
  operation: (bytes: Uint8Array) => decodeOperation(bytes),
  decided: (bytes: Uint8Array) => readDecided(bytes),
  'read-index': (bytes: Uint8Array) => readIndexAnswer(bytes),
  'credential-payload': (bytes: Uint8Array) => decodeCredentialPayload(bytes),
  'credential-part': (bytes: Uint8Array) => readCredentialPart(bytes),
  'link-signature': (bytes: Uint8Array) => readLinkSignature(bytes),
  join: (bytes: Uint8Array) => decodeJoinMessage(bytes, 'start', 'offer', 'proof', 'grant', 'refusal'),
  redeem: (bytes: Uint8Array) => decodeRedeemRequest(bytes),
  grant: (bytes: Uint8Array) => decodeJoinGrant(bytes),
  passport: (bytes: Uint8Array) => decodePassport(bytes),
  credential: (bytes: Uint8Array) => decodeCredential(jsonOf(bytes)),
  chain: (bytes: Uint8Array) => chainOf(bytes),
  token: (bytes: Uint8Array) => decodeToken(Buffer.from(bytes).toString('utf8')),
  charter: (bytes: Uint8Array) => readCharter(jsonOf(bytes)),
  'group-state': (bytes: Uint8Array) => jsonOf(encodeGroupState(decodeGroupState(bytes))),
  gossip: (bytes: Uint8Array) => decodeGossip(bytes),
  sync: (bytes: Uint8Array) => decodeSync(bytes),
  known: (bytes: Uint8Array) => decodeKnown(bytes),
  records: (bytes: Uint8Array) => decodeRecords(bytes),
  envelope: (bytes: Uint8Array) => envelopeOf(bytes),
} as const

export type Kind = keyof typeof READERS

/** Bytes as one version wrote them, and what they meant to it. */
export interface Sample {
  readonly kind: Kind
  readonly name: string
  readonly bytes: string
  readonly means: Plain
}

/** What bytes of a kind mean to this version; throws what its reader throws. */
export function meaningOf(kind: Kind, bytes: Uint8Array): Plain {
  return plain(READERS[kind](bytes))
}

export function sampleOf(kind: Kind, name: string, bytes: Uint8Array): Sample {
  return { kind, name, bytes: Buffer.from(bytes).toString('base64'), means: meaningOf(kind, bytes) }
}

export function bytesOf({ bytes }: Pick<Sample, 'bytes'>): Uint8Array {
  return new Uint8Array(Buffer.from(bytes, 'base64'))
}

/** A frame goes to one method of its sink, with arguments. */
function frameOf(bytes: Uint8Array): unknown {
  const heard: unknown[] = []
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void heard.push([name, ...args])
  const sink: FrameSink = {
    onRequest: note('request'),
    onAnswer: note('answer'),
    onFailure: note('failure'),
    onProgress: note('progress'),
    onCancel: note('cancel'),
    onRefusal: note('refusal'),
    onNotice: note('notice'),
  }
  decodeFrame(bytes.subarray(4), false, sink)
  return heard
}

/** From the mesh id in the first charter to the voters of now. */
function chainOf(bytes: Uint8Array): unknown {
  const shown = decodeChain(bytes)
  const { meshId } = jsonOf(shown.firstCharter.charter) as { meshId: string }
  const { group, eras, voters, epoch, index } = orThrow(verifyChain({ meshId, ...shown }))
  return { meshId, group, eras, voters, epoch, index }
}

/** An envelope stands under its id: `id`, a line break, the bytes. */
function envelopeOf(bytes: Uint8Array): unknown {
  const end = bytes.indexOf(10)
  const opened = openEnvelope(Buffer.from(bytes.subarray(0, end)).toString('utf8'), bytes.subarray(end + 1))
  if (typeof opened === 'string') throw new Error(`the envelope is ${opened}`)
  const { id, record, removed, renewed } = opened.envelope
  return { id, record, removed, renewed }
}
