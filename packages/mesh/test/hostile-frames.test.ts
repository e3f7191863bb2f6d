import type { Stream } from '@libp2p/interface'
import { OutcomeUnknownError, randomInteger, seededRandom } from '@vsmcp/kernel'
import { pack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { PLANE_PROTOCOLS } from '../src/constants.ts'
import { ANSWER, CANCEL, NOTICE, OutgoingFrame, PROGRESS, REQUEST } from '../src/frame.ts'
import type { Mesh } from '../src/index.ts'
import { bytes, type Info, next, recordingLogger, startMesh, text } from './support/nodes.ts'
import { type RawMember, rawMember } from './support/raw-member.ts'

const DEADLINE = { deadlineMs: 5_000 }

interface Scene {
  readonly mesh: Mesh<Info>
  readonly member: RawMember
  readonly logger: ReturnType<typeof recordingLogger>
  readonly peer: string
}

/** A node, and a member of its mesh that writes whatever it likes. */
async function scene(): Promise<Scene> {
  const logger = recordingLogger()
  const mesh = await startMesh({ components: { logger } })
  mesh.rpc.handle('echo', async ({ payload }) => payload)
  mesh.rpc.handle('park', ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)))
  const up = next(mesh, 'peer:up')
  const member = await rawMember(mesh)
  await up
  return { mesh, member, logger, peer: member.node.peerId.toString() }
}

async function planeStream({ member }: Scene): Promise<Stream> {
  return member.connection.newStream(PLANE_PROTOCOLS.rpc)
}

function closed(stream: Stream): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>()
  stream.addEventListener('close', ({ error }) => resolve(error))
  return promise
}

function wire(header: readonly unknown[], payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  return Buffer.concat([new OutgoingFrame(header, payload).head, payload])
}

/** A frame around any bytes. */
function framed(body: Uint8Array): Uint8Array {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(body.byteLength)
  return Buffer.concat([prefix, body])
}

const headed = (header: Uint8Array): Uint8Array =>
  framed(Uint8Array.of(header.byteLength >> 8, header.byteLength & 0xff, ...header))

/** The mesh answers others as if nothing had been. */
async function servesOthers(mesh: Mesh<Info>): Promise<void> {
  const other = await startMesh({ name: 'other' })
  await other.dial(mesh.listenAddresses())
  expect(text(await other.rpc.call(mesh.peerId, 'echo', bytes('fine'), DEADLINE))).toBe('fine')
}

describe('a member that breaks the wire format loses its stream, with the reason in the log, and the node stays up', () => {
  const cases: ReadonlyArray<readonly [what: string, bytes: Uint8Array, reason: RegExp]> = [
    ['a length over the cap', Uint8Array.of(0xff, 0xff, 0xff, 0xff), /over the cap/],
    ['garbage in a frame', framed(bytes('this is no frame')), /header/],
    ['an unknown kind of frame', headed(pack([42, 1])), /kind is unknown/],
    [
      'a request that comes twice',
      Buffer.concat([wire([REQUEST, 7, 'park', 5_000]), wire([REQUEST, 7, 'park', 5_000])]),
      /after request 7/,
    ],
    [
      'requests out of order',
      Buffer.concat([wire([REQUEST, 9, 'park', 5_000]), wire([REQUEST, 8, 'park', 5_000])]),
      /8 came after request 9/,
    ],
    ['an answer to a request never made', wire([ANSWER, 1, 0]), /never made/],
    ['progress of a request never made', wire([PROGRESS, 3, 0]), /never made/],
  ]
  test.for(cases)('%s', async ([, hostile, reason]) => {
    const here = await scene()
    const stream = await planeStream(here)
    const end = closed(stream)
    stream.send(hostile)
    expect(await end).toBeInstanceOf(Error)
    expect(here.logger.lines).toContainEqual({
      level: 'warn',
      msg: 'a peer broke the wire format',
      fields: expect.objectContaining({
        peer: here.peer,
        protocol: PLANE_PROTOCOLS.rpc,
        error: expect.stringMatching(reason),
      }) as object,
    })
    await servesOthers(here.mesh)
  })

  test('a stream that ends within a frame', async () => {
    const here = await scene()
    const stream = await planeStream(here)
    stream.send(wire([REQUEST, 1, 'echo', 5_000], new Uint8Array(1_000)).subarray(0, 500))
    await stream.close()
    await servesOthers(here.mesh)
    expect(here.logger.lines.map(({ fields }) => fields['error'])).toContain('a stream ended within a frame')
  })
})

test('after the third offence the connection is closed', async () => {
  const here = await scene()
  const down = next(here.mesh, 'peer:down')
  for (let i = 0; i < 3; i++) {
    const stream = await planeStream(here)
    const end = closed(stream)
    stream.send(framed(bytes('garbage')))
    await end
  }
  expect(await down).toEqual({ peer: here.peer, reason: 'offence' })
  await servesOthers(here.mesh)
})

test('a cancel for nothing and a notice for nobody are no offences', async () => {
  const here = await scene()
  const answered = Promise.withResolvers<void>()
  await here.member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => stream.addEventListener('message', () => answered.resolve()))
  const stream = await planeStream(here)
  stream.send(Buffer.concat([wire([CANCEL, 5]), wire([NOTICE, 'unheard-of'], bytes('x')), wire([REQUEST, 6, 'echo', 5_000])]))
  await answered.promise
  expect(stream.status).toBe('open')
  expect(here.logger.lines.filter(({ level }) => level === 'warn')).toEqual([])
})

test('calls under way with the offender have an unknown outcome, not a wrong one', async () => {
  const here = await scene()
  const received = Promise.withResolvers<void>()
  await here.member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => stream.addEventListener('message', () => received.resolve()))
  const outcome = here.mesh.rpc.call(here.peer, 'x', bytes(''), DEADLINE)
  outcome.catch(() => {})
  await received.promise
  const stream = await planeStream(here)
  stream.send(framed(bytes('garbage')))
  await expect(outcome).rejects.toThrow(OutcomeUnknownError)
})

test('an answer in which a frame comes twice is an offence, and its call fails', async () => {
  const here = await scene()
  const asked = Promise.withResolvers<void>()
  await here.member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => stream.addEventListener('message', () => asked.resolve()))
  const outcome = here.mesh.rpc.call(here.peer, 'x', bytes(''), DEADLINE)
  outcome.catch(() => {})
  await asked.promise
  const stream = await planeStream(here)
  stream.send(Buffer.concat([wire([PROGRESS, 1, 0]), wire([PROGRESS, 1, 0])]))
  await expect(outcome).rejects.toThrow(/came twice/)
})

test('answers that never fill their holes are an offence', async () => {
  const here = await scene()
  const asked = Promise.withResolvers<void>()
  await here.member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => stream.addEventListener('message', () => asked.resolve()))
  const outcome = here.mesh.rpc.call(here.peer, 'x', bytes(''), DEADLINE)
  outcome.catch(() => {})
  await asked.promise
  const stream = await planeStream(here)
  stream.send(Buffer.concat(Array.from({ length: 65 }, (_, i) => wire([PROGRESS, 1, i + 1]))))
  await expect(outcome).rejects.toThrow(/has holes/)
})

test('a member that asks and never reads is let go', async () => {
  const here = await scene()
  const limited = await startMesh({ limits: { sendQueueBytesMax: 1 << 20 } })
  limited.rpc.handle('big', async () => new Uint8Array(4 << 20))
  const up = next(limited, 'peer:up')
  const member = await rawMember(limited)
  await up
  // it takes every stream and reads none
  await member.node.handle(PLANE_PROTOCOLS.rpc, (stream) => stream.pause())
  const down = next(limited, 'peer:down')
  const stream = await member.connection.newStream(PLANE_PROTOCOLS.rpc)
  let id = 0
  const ask = (): void => {
    for (let i = 0; i < 500 && stream.status === 'open'; i++)
      stream.send(wire([REQUEST, ++id, `no-such-${'x'.repeat(90)}`, 5_000]))
  }
  const timer = setInterval(ask, 1)
  expect(await down).toMatchObject({ reason: 'offence' })
  clearInterval(timer)
  await servesOthers(here.mesh)
})

test('random bytes on every plane never bring the node down', async () => {
  const seed = 20_250_101
  const random = seededRandom(seed)
  const here = await scene()
  for (let round = 0; round < 30; round++) {
    const member = round === 0 ? here.member : await rawMember(here.mesh)
    for (const protocol of Object.values(PLANE_PROTOCOLS)) {
      const stream = await member.connection.newStream(protocol).catch(() => undefined)
      if (stream === undefined) continue
      const noise = Uint8Array.from({ length: randomInteger(random, 1, 2_000) }, () => randomInteger(random, 0, 255))
      if (random.next() < 0.5) stream.send(noise)
      else stream.send(framed(noise))
      await stream.close()
    }
    await member.node.stop()
  }
  await servesOthers(here.mesh)
})

test('garbage on the hello’s stream after the hello closes the connection', async () => {
  const here = await scene()
  const down = next(here.mesh, 'peer:down')
  here.member.link.send(bytes('garbage'))
  expect(await down).toEqual({ peer: here.peer, reason: 'offence' })
  await servesOthers(here.mesh)
})
