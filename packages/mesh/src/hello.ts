import { messageOf, type PeerIdString, VsmcpError } from '@vsmcp/kernel'
import type { Hello, WireRange } from './contract.ts'
import { HelloFailedError, HelloRefusedError, WireRangeError } from './errors.ts'
import { decodeLinkMessage, encodeLinkMessage, type HelloMessage, type LinkMessage } from './link-message.ts'
import type { MessagePipe } from './message-pipe.ts'

/** A hello that both sides have accepted. */
export interface Verified<Info> {
  readonly info: Info
  /** Multiaddrs at which the peer says that it listens. */
  readonly addresses: readonly string[]
  /** Where the peer sees this node come from, a multiaddr, if it says so. */
  readonly seenAs: string | undefined
  readonly wire: number
  readonly featureLevel: number
  readonly incarnation: string
}

export interface HelloContext<Info> {
  readonly peer: PeerIdString
  readonly hello: Hello<Info>
  readonly wire: WireRange
  readonly featureLevel: number
  readonly incarnation: string
  /** Where the peer comes from, if nobody passes on what it sends. */
  readonly origin: string | undefined
  /** Throws when a living process of the same identity is connected already. */
  checkIdentity(incarnation: string): Promise<void>
  /** The other side is verified and may open streams; whether it wants this node is not known yet. */
  admit(): void
}

/** What a refused stranger is told when the refusal has no code of its own. */
const REFUSED = 'VSMCP_MESH_HELLO_REFUSED'
const WIRE_RANGE_CODE = 'VSMCP_MESH_WIRE_RANGE'

/** The refusal of an identity that another living process shows. */
export const DUPLICATE_IDENTITY = 'VSMCP_MESH_DUPLICATE_IDENTITY'

/**
 * The dialler's half: it shows itself first, since the other side shows nothing to strangers. Throws
 * `HelloRefusedError` when refused there, what `verify` threw when refused here, `HelloFailedError` else.
 */
export async function sayHello<Info>(pipe: MessagePipe, context: HelloContext<Info>): Promise<Verified<Info>> {
  pipe.send(encodeLinkMessage(await ourHello(context)))
  const theirs = await receiveHello(pipe, context)
  const verified = await refusing(pipe, () => verify(theirs, context))
  context.admit()
  pipe.send(encodeLinkMessage({ kind: 'accept' }))
  return verified
}

/**
 * The listener's half. It lets the dialler in as soon as it has verified it, before it shows itself: the dialler's first
 * streams may come with its acceptance.
 */
export async function answerHello<Info>(pipe: MessagePipe, context: HelloContext<Info>): Promise<Verified<Info>> {
  const theirs = await receiveHello(pipe, context)
  const verified = await refusing(pipe, () => verify(theirs, context))
  context.admit()
  pipe.send(encodeLinkMessage(await ourHello(context)))
  const verdict = await receive(pipe)
  if (verdict.kind === 'refuse') throw refusedThere(verdict, context)
  if (verdict.kind !== 'accept') throw new HelloFailedError(`a "${verdict.kind}" came where a hello is accepted or refused`)
  return verified
}

async function ourHello<Info>(context: HelloContext<Info>): Promise<HelloMessage> {
  const { hello, wire, featureLevel, incarnation, origin } = context
  const payload = await hello.local()
  return { kind: 'hello', wireMin: wire.min, wireMax: wire.max, featureLevel, incarnation, payload, seenAs: origin }
}

async function receiveHello<Info>(pipe: MessagePipe, context: HelloContext<Info>): Promise<HelloMessage> {
  const message = await receive(pipe)
  if (message.kind === 'refuse') throw refusedThere(message, context)
  if (message.kind !== 'hello') throw new HelloFailedError(`a "${message.kind}" came where a hello belongs`)
  return message
}

async function receive(pipe: MessagePipe): Promise<LinkMessage> {
  try {
    return decodeLinkMessage(await pipe.receive())
  } catch (cause) {
    throw new HelloFailedError(`no hello: ${messageOf(cause)}`, { cause })
  }
}

async function verify<Info>(theirs: HelloMessage, context: HelloContext<Info>): Promise<Verified<Info>> {
  const wire = commonWire(context.wire, theirs)
  const { info, addresses = [] } = await context.hello.verify(context.peer, theirs.payload)
  await context.checkIdentity(theirs.incarnation)
  const { featureLevel, incarnation, seenAs } = theirs
  return { info, addresses, wire, featureLevel, incarnation, seenAs }
}

/** The highest version both speak. */
function commonWire(ours: WireRange, { wireMin, wireMax }: HelloMessage): number {
  const wire = Math.min(ours.max, wireMax)
  if (wire >= Math.max(ours.min, wireMin)) return wire
  throw new WireRangeError(`it speaks wire ${wireMin} to ${wireMax}, this node ${ours.min} to ${ours.max}`, {
    hint: 'Upgrade the older of the two nodes.',
    details: { detail: `${ours.min} to ${ours.max}` },
  })
}

/** Tells the stranger the code of whatever `work` throws, and nothing more; then throws it on. */
async function refusing<T>(pipe: MessagePipe, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const detail = error instanceof WireRangeError ? String(error.details['detail']) : undefined
    try {
      pipe.send(encodeLinkMessage({ kind: 'refuse', code: refusalCode(error), detail }))
    } catch {
      // it has gone; the refusal is the news
    }
    throw error
  }
}

/** The only thing a refused stranger learns. */
export function refusalCode(error: unknown): string {
  return error instanceof VsmcpError ? error.code : REFUSED
}

function refusedThere<Info>(message: LinkMessage & { kind: 'refuse' }, { wire }: HelloContext<Info>): HelloRefusedError {
  const { code, detail } = message
  if (code === WIRE_RANGE_CODE) {
    const text = `refused there: it speaks wire ${detail ?? 'versions unknown'}, this node ${wire.min} to ${wire.max}`
    return new HelloRefusedError(text, code, { hint: 'Upgrade the older of the two nodes.' })
  }
  return new HelloRefusedError(`refused there (${code})`, code, { hint: 'The log of that node says why.' })
}
