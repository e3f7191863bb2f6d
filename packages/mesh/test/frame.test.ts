import fc from 'fast-check'
import { pack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { FRAME_LENGTH_MAX, HEADER_LENGTH_MAX } from '../src/constants.ts'
import { MalformedFrameError } from '../src/errors.ts'
import {
  ANSWER,
  CANCEL,
  decodeFrame,
  encodableFailure,
  FAILURE,
  type FrameSink,
  NOTICE,
  OutgoingFrame,
  PROGRESS,
  REFUSAL,
  REQUEST,
} from '../src/frame.ts'
import { PrefixedReader } from '../src/prefixed-reader.ts'

/** Writes down what it is given. */
function recorder(): FrameSink & { readonly seen: unknown[][] } {
  const seen: unknown[][] = []
  const note =
    (kind: string) =>
    (...parts: unknown[]): void => {
      seen.push([kind, ...parts])
    }
  return {
    seen,
    onRequest: note('request'),
    onAnswer: note('answer'),
    onFailure: note('failure'),
    onProgress: note('progress'),
    onCancel: note('cancel'),
    onRefusal: note('refusal'),
    onNotice: note('notice'),
  }
}

function wire(header: readonly unknown[], payload?: Uint8Array): Uint8Array {
  const frame = new OutgoingFrame(header, payload)
  const bytes = new Uint8Array(frame.byteLength)
  bytes.set(frame.head)
  if (payload !== undefined) bytes.set(payload, frame.head.byteLength)
  return bytes
}

function read(chunks: readonly Uint8Array[]): unknown[][] {
  const sink = recorder()
  const reader = new PrefixedReader(FRAME_LENGTH_MAX, (body, shared) => decodeFrame(body, shared, sink))
  for (const chunk of chunks) reader.push(chunk)
  return sink.seen
}

/** A frame's bytes without its length, built by hand. */
function bodyOf(header: Uint8Array, payload = new Uint8Array(0)): Uint8Array {
  return Uint8Array.of(header.byteLength >> 8, header.byteLength & 0xff, ...header, ...payload)
}

const payload = Uint8Array.of(1, 2, 3)

test('every kind of frame comes out as it went in', () => {
  const failure = { code: 'VSMCP_X', message: 'it broke', hint: undefined }
  const bytes = [
    wire([REQUEST, 1, 'tools/call', 5_000], payload),
    wire([PROGRESS, 1, 0], payload),
    wire([ANSWER, 1, 1], payload),
    wire([FAILURE, 2, 0, ...encodableFailure(failure)]),
    wire([CANCEL, 3]),
    wire([REFUSAL, 4, 'busy']),
    wire([NOTICE, 'tick'], payload),
  ]
  expect(read([Buffer.concat(bytes)])).toEqual([
    ['request', 1, 'tools/call', 5_000, payload],
    ['progress', 1, 0, payload],
    ['answer', 1, 1, payload],
    ['failure', 2, 0, failure],
    ['cancel', 3],
    ['refusal', 4, 'busy'],
    ['notice', 'tick', payload],
  ])
})

test('frames are the same however the network cuts them', () => {
  const frame = fc.tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.uint8Array({ maxLength: 40_000 }))
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 9_000 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(([id, content]) => wire([ANSWER, id, 0], content)))
      const chunks: Uint8Array[] = []
      let offset = 0
      for (const cut of [...cuts, bytes.byteLength]) {
        chunks.push(bytes.subarray(offset, offset + cut))
        offset += cut
      }
      expect(read(chunks)).toEqual(frames.map(([id, content]) => ['answer', id, 0, content]))
    }),
    { seed: 20_260_101, numRuns: 200 },
  )
})

test('a payload handed on does not hold the buffer it came in, and is a plain Uint8Array', () => {
  const [[, , , small] = []] = read([Buffer.concat([wire([ANSWER, 1, 0], payload), wire([CANCEL, 1])])])
  expect(small).toBeInstanceOf(Uint8Array)
  expect(small).not.toBeInstanceOf(Buffer)
  expect((small as Uint8Array).buffer.byteLength).toBe(3)
})

describe('what breaks the format is refused', () => {
  const cases: ReadonlyArray<readonly [what: string, bytes: Uint8Array]> = [
    ['an empty frame', new Uint8Array(0)],
    ['one byte', Uint8Array.of(0)],
    ['a header longer than the frame', Uint8Array.of(0, 9, 1)],
    [
      'a header over its cap',
      Uint8Array.of((HEADER_LENGTH_MAX + 1) >> 8, (HEADER_LENGTH_MAX + 1) & 0xff, ...new Uint8Array(HEADER_LENGTH_MAX + 1)),
    ],
    ['a header that is not msgpack', bodyOf(Uint8Array.of(0xc1))],
    ['a header that is no array', bodyOf(pack({ kind: 0 }))],
    ['an unknown kind', bodyOf(pack([99, 1]))],
    ['a request without a method', bodyOf(pack([REQUEST, 1]))],
    ['a request with a method of 129 characters', bodyOf(pack([REQUEST, 1, 'x'.repeat(129), 5]))],
    ['a request with a deadline of 0', bodyOf(pack([REQUEST, 1, 'm', 0]))],
    ['a request with a deadline that is no number', bodyOf(pack([REQUEST, 1, 'm', Number.NaN]))],
    ['a request with id 0', bodyOf(pack([REQUEST, 0, 'm', 5]))],
    ['a request with a fractional id', bodyOf(pack([REQUEST, 1.5, 'm', 5]))],
    ['a request with one field too many', bodyOf(pack([REQUEST, 1, 'm', 5, 6]))],
    ['a cancel with a payload', bodyOf(pack([CANCEL, 1]), payload)],
    ['a refusal for an unknown reason', bodyOf(pack([REFUSAL, 1, 'mood']))],
    ['an answer with a negative number', bodyOf(pack([ANSWER, 1, -1]))],
    ['a failure whose message is no text', bodyOf(pack([FAILURE, 1, 0, 'C', 7, null]))],
    ['an array that claims four thousand million elements', bodyOf(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff))],
    ['arrays nested as deep as a header allows', bodyOf(new Uint8Array(HEADER_LENGTH_MAX).fill(0x91))],
  ]
  test.for(cases)('%s', ([, bytes]) => {
    expect(() => decodeFrame(bytes, false, recorder())).toThrow(MalformedFrameError)
  })

  test('a length over 16 MiB, before a byte of it has come', () => {
    expect(() => read([Uint8Array.of(1, 0, 0, 1)])).toThrow(/16777217 bytes is over the cap/)
  })
})

test('random bytes end in frames or in MalformedFrameError, never in anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, framed) => {
      const bytes = framed ? Buffer.concat([Uint8Array.of(0, 0, 0, noise.byteLength), noise]) : noise
      try {
        read([bytes])
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrameError)
      }
    }),
    { seed: 4_950, numRuns: 5_000 },
  )
})

test('an error text is cut to what a header carries, without half of a character', () => {
  const [, message] = encodableFailure({ code: 'C', message: '😀'.repeat(2_000), hint: undefined })
  expect(message.length).toBeLessThanOrEqual(1_024)
  expect(message.isWellFormed()).toBe(true)
})
