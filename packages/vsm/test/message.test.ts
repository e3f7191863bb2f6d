import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CHANNELS,
  decodeMessage,
  encodeMessage,
  type GossipMessage,
  MESSAGE_BYTES_MAX,
  MessageMalformedError,
  type MessageTopic,
  type TopicMessages,
} from '../src/index.ts'
import { ALERT_SUBJECT_LENGTH_MAX, ALERT_COPY_TEXT_LENGTH_MAX } from '../src/constants.ts'

const NODE = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'
const DIGEST = 'ab'.repeat(32)
const head = { node: NODE, sequence: 7, atMs: 1_800_000_000_000 }

const SAMPLES: { [T in MessageTopic]: GossipMessage<T> } = {
  unit: {
    ...head,
    channel: { kind: 'report', from: 'system1', to: 'system3' },
    body: { unit: 'files', windowMs: 10_000, calls: 12, errors: 1, inFlight: 3, latencyP50Ms: 1.25, latencyP99Ms: 40 },
  },
  coordination: {
    ...head,
    channel: { kind: 'coordination', from: 'system2', to: 'system1' },
    body: { event: 'name-granted', name: 'read_file', unit: 'files', index: 42 },
  },
  control: {
    ...head,
    channel: { kind: 'report', from: 'system3', to: 'system5' },
    body: { units: 2, inFlight: 3, eventLoopLagMs: 0.4, rssBytes: 100_000_000 },
  },
  intelligence: {
    ...head,
    channel: { kind: 'intelligence', from: 'system4', to: 'system5' },
    body: { event: 'changed', unit: 'files', kind: 'tool', name: 'read_file', digest: DIGEST },
  },
  policy: {
    ...head,
    channel: { kind: 'command', from: 'system5', to: 'system3' },
    body: { leader: NODE, epoch: 1, term: 4, index: 99, charterDigest: DIGEST },
  },
  alert: {
    ...head,
    channel: { kind: 'algedonic', from: 'system1', to: 'system5' },
    body: {
      id: 'a-1',
      feeling: 'pain',
      severity: 'high',
      source: { system: 'system1', origin: 'organ', unit: 'files' },
      subject: 'files is gone',
      text: 'exit code 1',
      onsetMs: 1_800_000_000_000,
    },
  },
}
const TOPICS = Object.keys(SAMPLES) as MessageTopic[]

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
/** The sample of a topic as it travels, changed by `edit`. */
function tampered(topic: MessageTopic, edit: (wire: Wire) => void): Uint8Array {
  const wire = JSON.parse(textOf(encodeMessage(topic, SAMPLES[topic]))) as Wire
  edit(wire)
  return bytesOf(wire)
}
type Wire = Record<string, unknown> & { channel: Record<string, unknown>; body: Record<string, unknown> }

describe.each(TOPICS)('a message on topic %s', (topic) => {
  it('arrives as it was sent', () => {
    expect(decodeMessage(topic, encodeMessage(topic, SAMPLES[topic]), NODE)).toEqual(SAMPLES[topic])
  })

  it('is refused under another author', () => {
    expect(() => decodeMessage(topic, encodeMessage(topic, SAMPLES[topic]), 'somebody-else')).toThrow(MessageMalformedError)
  })

  it('is refused on every other topic', () => {
    for (const other of TOPICS.filter((name) => name !== topic)) {
      expect(() => decodeMessage(other, encodeMessage(topic, SAMPLES[topic]), NODE)).toThrow(MessageMalformedError)
    }
  })

  it('is refused with any field missing or of another kind', () => {
    const wire = JSON.parse(textOf(encodeMessage(topic, SAMPLES[topic]))) as Wire
    const paths = [
      ...Object.keys(wire).map((key) => [key]),
      ...['kind', 'from', 'to'].map((key) => ['channel', key]),
      ...Object.keys(wire.body).map((key) => ['body', key]),
    ]
    for (const path of paths) {
      for (const wrong of [undefined, { nested: true }, [], -1, 'no such thing\u0000', true]) {
        const bytes = tampered(topic, (copy) => {
          const owner = path.length === 2 ? (copy[path[0] ?? ''] as Record<string, unknown>) : copy
          owner[path.at(-1) ?? ''] = wrong
        })
        const free = path[1] === 'name' || path[1] === 'text' || path[1] === 'subject' || path[1] === 'id' || path[1] === 'leader'
        if (free && typeof wrong === 'string') continue
        expect(() => decodeMessage(topic, bytes, NODE), `${path.join('.')} = ${JSON.stringify(wrong)}`).toThrow(
          MessageMalformedError,
        )
      }
    }
  })

  it('is refused on a channel outside the table', () => {
    const bytes = tampered(topic, (wire) => {
      wire.channel = { kind: 'command', from: 'system1', to: 'system5' }
    })
    expect(() => decodeMessage(topic, bytes, NODE)).toThrow(/system1 has no command channel to system5/)
  })

  it('is refused on every other channel of the table', () => {
    const own = SAMPLES[topic].channel
    for (const channel of CHANNELS) {
      const fits = channel.kind === own.kind && channel.from === own.from
      const bytes = tampered(topic, (wire) => {
        wire.channel = { ...channel }
      })
      if (fits) expect(decodeMessage(topic, bytes, NODE).channel).toEqual(channel)
      else expect(() => decodeMessage(topic, bytes, NODE), JSON.stringify(channel)).toThrow(MessageMalformedError)
    }
  })

  it('cut short anywhere is refused, and only by its own error', () => {
    const bytes = encodeMessage(topic, SAMPLES[topic])
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeMessage(topic, bytes.subarray(0, length), NODE)).toThrow(MessageMalformedError)
    }
  })

  it('fields of a later version are left out, not refused', () => {
    const bytes = tampered(topic, (wire) => {
      wire['later'] = 1
      wire.body['later'] = 2
    })
    expect(decodeMessage(topic, bytes, NODE)).toEqual(SAMPLES[topic])
  })
})

describe('decoding', () => {
  it('throws nothing but MessageMalformedError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TOPICS), fc.uint8Array({ maxLength: 300 }), (topic, bytes) => {
        expect(() => decodeMessage(topic, bytes, NODE)).toThrow(MessageMalformedError)
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  it('throws nothing but MessageMalformedError, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TOPICS), fc.jsonValue(), (topic, value) => {
        expect(() => decodeMessage(topic, bytesOf(value), NODE)).toThrow(MessageMalformedError)
      }),
      { seed: 3, numRuns: 500 },
    )
  })

  it('one byte changed gives a message or its own error', () => {
    const bytes = encodeMessage('unit', SAMPLES.unit)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const copy = Uint8Array.from(bytes)
        copy[at] = (copy[at] ?? 0) ^ change
        try {
          expect(decodeMessage('unit', copy, NODE).node).toBe(NODE)
        } catch (error) {
          expect(error).toBeInstanceOf(MessageMalformedError)
        }
      }),
      { seed: 4, numRuns: 500 },
    )
  })

  it('refuses more than the bound before it parses', () => {
    const bytes = new Uint8Array(MESSAGE_BYTES_MAX + 1).fill(0x20)
    expect(() => decodeMessage('unit', bytes, NODE)).toThrow(/8193 bytes/)
  })
})

describe('a report', () => {
  const report = (change: Partial<TopicMessages['unit']['body']>): GossipMessage<'unit'> => ({
    ...SAMPLES.unit,
    body: { ...SAMPLES.unit.body, ...change },
  })

  it.each([
    ['NaN', { latencyP50Ms: Number.NaN }],
    ['infinite', { latencyP99Ms: Number.POSITIVE_INFINITY }],
    ['negative', { calls: -1 }],
    ['half a call', { calls: 1.5 }],
    ['more errors than calls', { calls: 1, errors: 2 }],
    ['a median above the 99th percentile', { latencyP50Ms: 50, latencyP99Ms: 40 }],
    ['one percentile without the other', { latencyP50Ms: null }],
    ['no window', { windowMs: 0 }],
    ['absurdly many', { calls: 2 ** 60 }],
  ])('of %s cannot be sent', (_what, change) => {
    expect(() => encodeMessage('unit', report(change))).toThrow(MessageMalformedError)
  })

  it('of a window without calls has no latency', () => {
    const idle = report({ calls: 0, errors: 0, latencyP50Ms: null, latencyP99Ms: null })
    expect(decodeMessage('unit', encodeMessage('unit', idle), NODE)).toEqual(idle)
  })
})

describe('an alert', () => {
  it('speaks only for the system that sends it', () => {
    const foreign: GossipMessage<'alert'> = { ...SAMPLES.alert, channel: { kind: 'algedonic', from: 'system4', to: 'system5' } }
    expect(() => encodeMessage('alert', foreign)).toThrow(/an alert of system1 sent in the name of system4/)
  })

  it.each(['\u0000', '\uD800', '好', '"'])('full of %j fits into a message', (unit) => {
    const full: GossipMessage<'alert'> = {
      ...SAMPLES.alert,
      body: {
        ...SAMPLES.alert.body,
        subject: unit.repeat(ALERT_SUBJECT_LENGTH_MAX),
        text: unit.repeat(ALERT_COPY_TEXT_LENGTH_MAX),
      },
    }
    expect(encodeMessage('alert', full).length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
  })
})
