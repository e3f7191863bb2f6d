import { messageOf, type PeerIdString } from '@vsmcp/kernel'
import { z } from 'zod'
import { type Alert, alertSchema } from './algedonic/alert.ts'
import { assertChannel, type ChannelOf } from './channels.ts'
import { MESSAGE_BYTES_MAX, MESSAGE_VERSION, PEER_ID_LENGTH_MAX } from './constants.ts'
import { MessageMalformedError } from './errors.ts'
import { countField } from './fields.ts'
import { type UnitReport, unitReportSchema } from './system1/unit-report.ts'
import { type CoordinationNotice, coordinationNoticeSchema } from './system2/coordination-notice.ts'
import { type ControlReport, controlReportSchema } from './system3/control-report.ts'
import { type CapabilityNotice, capabilityNoticeSchema } from './system4/capability-notice.ts'
import { type PolicyNotice, policyNoticeSchema } from './system5/policy-notice.ts'

/** Which channel and which body each topic carries. */
export interface TopicMessages {
  unit: { channel: ChannelOf<'report', 'system1'>; body: UnitReport }
  coordination: { channel: ChannelOf<'coordination', 'system2'>; body: CoordinationNotice }
  control: { channel: ChannelOf<'report', 'system3'>; body: ControlReport }
  intelligence: { channel: ChannelOf<'intelligence', 'system4'>; body: CapabilityNotice }
  policy: { channel: ChannelOf<'command', 'system5'>; body: PolicyNotice }
  alert: { channel: ChannelOf<'algedonic'>; body: Alert }
}
export type MessageTopic = keyof TopicMessages

export interface GossipMessage<T extends MessageTopic = MessageTopic> {
  readonly channel: TopicMessages[T]['channel']
  /** Author; must be who gossip says it is from. */
  readonly node: PeerIdString
  /** Grows with every message of this node on this topic: readers keep the highest. */
  readonly sequence: number
  /** Wall clock of the author, milliseconds since the epoch. */
  readonly atMs: number
  readonly body: TopicMessages[T]['body']
}

/** What may stand in `channel` on a topic, besides being in the table: its kind and, but for alerts, its sender. */
const TOPICS: Readonly<Record<MessageTopic, { kind: string; from: string | null; body: z.ZodType }>> = {
  unit: { kind: 'report', from: 'system1', body: unitReportSchema },
  coordination: { kind: 'coordination', from: 'system2', body: coordinationNoticeSchema },
  control: { kind: 'report', from: 'system3', body: controlReportSchema },
  intelligence: { kind: 'intelligence', from: 'system4', body: capabilityNoticeSchema },
  policy: { kind: 'command', from: 'system5', body: policyNoticeSchema },
  alert: { kind: 'algedonic', from: null, body: alertSchema },
}

const envelopeSchema = z.object({
  v: z.literal(MESSAGE_VERSION),
  channel: z.object({ kind: z.string(), from: z.string(), to: z.string() }),
  node: z.string().min(1).max(PEER_ID_LENGTH_MAX),
  sequence: countField,
  atMs: countField,
  body: z.unknown(),
})

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** JSON bytes, at most `MESSAGE_BYTES_MAX`. Throws `MessageMalformedError` for what would be refused at the other end. */
export function encodeMessage<T extends MessageTopic>(topic: T, message: GossipMessage<T>): Uint8Array {
  const checked = check(topic, { v: MESSAGE_VERSION, ...message }, message.node)
  const bytes = encoder.encode(JSON.stringify({ v: MESSAGE_VERSION, ...checked }))
  assertSize(topic, bytes)
  return bytes
}

/**
 * Throws `MessageMalformedError` and nothing else. Fields unknown here, of a later version, are left out.
 * @param from who gossip says wrote it: a message that names another author is refused
 */
export function decodeMessage<T extends MessageTopic>(topic: T, bytes: Uint8Array, from: PeerIdString): GossipMessage<T> {
  assertSize(topic, bytes)
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch (cause) {
    throw new MessageMalformedError(`not JSON on topic ${topic}: ${messageOf(cause)}`, { cause })
  }
  return check(topic, value, from)
}

function assertSize(topic: MessageTopic, bytes: Uint8Array): void {
  if (bytes.length <= MESSAGE_BYTES_MAX) return
  throw new MessageMalformedError(`a message of ${bytes.length} bytes on topic ${topic}, ${MESSAGE_BYTES_MAX} are allowed`, {
    hint: 'Send what is longer by a stream, and only its digest here.',
  })
}

function check<T extends MessageTopic>(topic: T, value: unknown, from: PeerIdString): GossipMessage<T> {
  const rule = TOPICS[topic]
  const { channel, node, sequence, atMs, body: rawBody } = parse(topic, envelopeSchema, value)
  const body = parse(topic, rule.body, rawBody)
  if (node !== from) throw new MessageMalformedError(`a message of ${node} sent by ${from} on topic ${topic}`)
  assertOnTopic(topic, channel)
  if (topic === 'alert' && (body as Alert).source.system !== channel.from) {
    throw new MessageMalformedError(`an alert of ${(body as Alert).source.system} sent in the name of ${channel.from}`)
  }
  return { channel: channel as GossipMessage<T>['channel'], node, sequence, atMs, body: body as GossipMessage<T>['body'] }
}

function assertOnTopic(topic: MessageTopic, channel: z.infer<typeof envelopeSchema>['channel']): void {
  const rule = TOPICS[topic]
  try {
    assertChannel(channel)
  } catch (cause) {
    throw new MessageMalformedError(`on topic ${topic}: ${messageOf(cause)}`, { cause })
  }
  if (channel.kind !== rule.kind || (rule.from !== null && channel.from !== rule.from)) {
    throw new MessageMalformedError(`${channel.kind} from ${channel.from} does not belong on topic ${topic}`)
  }
}

function parse<T>(topic: MessageTopic, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'the message' : issue.path.map(String).join('.')
  throw new MessageMalformedError(`on topic ${topic}, ${where}: ${issue?.message ?? 'malformed'}`)
}
