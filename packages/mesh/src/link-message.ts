import { Packr, Unpackr } from 'msgpackr'
import { MalformedFrameError } from './errors.ts'

/*
 * Messages of `/vsmcp/hello/1`, each a msgpack array behind its length. The first four make the hello, the others keep
 * the connection for the rest of its life. Later versions append fields; what is appended is not looked at.
 */
const HELLO = 1 // [1, wireMin, wireMax, featureLevel, incarnation, payload, seenAs | null]; earlier versions say no `seenAs`
const REFUSE = 2 // [2, code, detail | null]
const ACCEPT = 3 // [3]
const READY = 4 // [4]: your subscriptions have arrived here
const PING = 5 // [5, n]
const PONG = 6 // [6, n]
const BYE = 7 // [7, reason]

/** Characters of a code, a detail or an incarnation. */
const TEXT_LENGTH_MAX = 128

/** A wire version or a feature level; far above any to come. */
const VERSION_MAX = 0xffff

export interface HelloMessage {
  readonly kind: 'hello'
  readonly wireMin: number
  readonly wireMax: number
  readonly featureLevel: number
  /** Drawn anew by each process: tells a restarted peer from a second connection of the same one. */
  readonly incarnation: string
  readonly payload: Uint8Array
  /** Where the other side is seen to come from, a multiaddr. */
  readonly seenAs?: string | undefined
}

export type LinkMessage =
  | HelloMessage
  | { readonly kind: 'refuse'; readonly code: string; readonly detail: string | undefined }
  | { readonly kind: 'accept' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'ping' | 'pong'; readonly n: number }
  | { readonly kind: 'bye'; readonly reason: string }

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' })

export function encodeLinkMessage(message: LinkMessage): Uint8Array {
  return packr.pack(fieldsOf(message))
}

function fieldsOf(message: LinkMessage): readonly unknown[] {
  switch (message.kind) {
    case 'hello':
      return [
        HELLO,
        message.wireMin,
        message.wireMax,
        message.featureLevel,
        message.incarnation,
        message.payload,
        message.seenAs?.slice(0, TEXT_LENGTH_MAX) ?? null,
      ]
    case 'refuse':
      return [REFUSE, message.code.slice(0, TEXT_LENGTH_MAX), message.detail?.slice(0, TEXT_LENGTH_MAX) ?? null]
    case 'accept':
      return [ACCEPT]
    case 'ready':
      return [READY]
    case 'ping':
      return [PING, message.n]
    case 'pong':
      return [PONG, message.n]
    default:
      return [BYE, message.reason.slice(0, TEXT_LENGTH_MAX)]
  }
}

/** Throws `MalformedFrameError`. */
export function decodeLinkMessage(bytes: Uint8Array): LinkMessage {
  let fields: unknown
  try {
    fields = unpackr.unpack(bytes)
  } catch (cause) {
    throw new MalformedFrameError('a hello message is not msgpack', { cause })
  }
  if (!Array.isArray(fields)) throw new MalformedFrameError('a hello message is not an array')
  switch (fields[0]) {
    case HELLO:
      return helloOf(fields)
    case REFUSE:
      return { kind: 'refuse', code: text(fields[1]), detail: fields[2] === null ? undefined : text(fields[2]) }
    case ACCEPT:
      return { kind: 'accept' }
    case READY:
      return { kind: 'ready' }
    case PING:
      return { kind: 'ping', n: whole(fields[1], 0xffff_ffff) }
    case PONG:
      return { kind: 'pong', n: whole(fields[1], 0xffff_ffff) }
    case BYE:
      return { kind: 'bye', reason: text(fields[1]) }
    default:
      throw new MalformedFrameError('a hello message is of an unknown kind')
  }
}

function helloOf(fields: readonly unknown[]): HelloMessage {
  const [, min, max, level, incarnation, payload, seenAs] = fields
  const wireMin = whole(min, VERSION_MAX)
  const wireMax = whole(max, VERSION_MAX)
  if (wireMin > wireMax) throw new MalformedFrameError(`a hello names the wire range ${wireMin} to ${wireMax}`)
  if (!(payload instanceof Uint8Array)) throw new MalformedFrameError('a hello carries no bytes')
  const featureLevel = whole(level, VERSION_MAX)
  return {
    kind: 'hello',
    wireMin,
    wireMax,
    featureLevel,
    incarnation: text(incarnation),
    payload: new Uint8Array(payload),
    seenAs: seenAs === undefined || seenAs === null ? undefined : text(seenAs),
  }
}

function whole(value: unknown, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  throw new MalformedFrameError('a hello message has a number out of range')
}

function text(value: unknown): string {
  if (typeof value === 'string' && value.length <= TEXT_LENGTH_MAX) return value
  throw new MalformedFrameError('a hello message has a text out of range')
}
