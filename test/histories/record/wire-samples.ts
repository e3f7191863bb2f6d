import { ANSWER, CANCEL, FAILURE, NOTICE, OutgoingFrame, PROGRESS, REFUSAL, REQUEST } from '../../../packages/mesh/src/frame.ts'
import { encodeLinkMessage, type LinkMessage } from '../../../packages/mesh/src/link-message.ts'
import { type Sample, sampleOf } from './means.ts'

/** Every message of `/vsmcp/hello/1`, the hello with a real passport in it. */
export function helloSamples(passport: Uint8Array): Sample[] {
  const hello: LinkMessage = {
    kind: 'hello',
    wireMin: 1,
    wireMax: 1,
    featureLevel: 1,
    incarnation: 'mf0abc-4d2x9q',
    payload: passport,
  }
  const messages: readonly LinkMessage[] = [
    hello,
    { kind: 'refuse', code: 'VSMCP_MESH_WIRE_RANGE', detail: '1 to 1' },
    { kind: 'refuse', code: 'VSMCP_SECURITY_CREDENTIAL_EXPIRED', detail: undefined },
    { kind: 'accept' },
    { kind: 'ready' },
    { kind: 'ping', n: 7 },
    { kind: 'pong', n: 7 },
    { kind: 'bye', reason: 'stopped' },
  ]
  return messages.map((message) => sampleOf('link', message.kind, encodeLinkMessage(message)))
}

/** Every kind of frame, a tool call's among them. */
export function frameSamples(): Sample[] {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value)
  const frames: readonly (readonly [string, OutgoingFrame])[] = [
    ['request', new OutgoingFrame([REQUEST, 1, 'call', 30_000], text('["files","tools/call","{}"]'))],
    ['answer', new OutgoingFrame([ANSWER, 1, 2], text('{"content":[]}'))],
    ['failure', new OutgoingFrame([FAILURE, 2, 0, 'VSMCP_TIMEOUT', 'it took too long', 'Try again.'])],
    ['failure without a hint', new OutgoingFrame([FAILURE, 2, 0, 'VSMCP_INTERNAL', 'a fault', null])],
    ['progress', new OutgoingFrame([PROGRESS, 1, 0], text('["notifications/progress","{}"]'))],
    ['cancel', new OutgoingFrame([CANCEL, 3])],
    ['refusal', new OutgoingFrame([REFUSAL, 4, 'busy'])],
    ['notice', new OutgoingFrame([NOTICE, 'raft'], new Uint8Array([0x81, 0xa1, 0x61, 0x01]))],
  ]
  return frames.map(([name, { head, payload }]) => {
    const bytes = payload === undefined ? head : new Uint8Array(Buffer.concat([head, payload]))
    return sampleOf('frame', name, bytes)
  })
}
