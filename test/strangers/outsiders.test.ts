import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LocalNode, vsmcp } from '../../scripts/lib/local-mesh.ts'
import { seededRandom, silentLogger, systemClock } from '../../packages/kernel/src/index.ts'
import { HELLO_PROTOCOL, JOIN_PROTOCOL, PLANE_PROTOCOLS } from '../../packages/mesh/src/constants.ts'
import { OutgoingFrame, NOTICE, REQUEST } from '../../packages/mesh/src/frame.ts'
import { createMesh, type Mesh } from '../../packages/mesh/src/index.ts'
import {
  combineCredential,
  credentialPayload,
  decodeToken,
  generateIdentity,
  joinerSession,
  runJoin,
  signCredential,
} from '../../packages/security/src/index.ts'
import { topicsOf } from '../../packages/vsm/src/index.ts'
import { failure, memory, nth } from '../e2e/lib/world.ts'
import { type Besieged, besieged, memberIsServed } from './lib/besieged.ts'
import { dialRaw, endHostiles, papersIn, type Papers, passportOf, raw, showing, tryProtocol } from './lib/hostile.ts'
import { atRest, type Decided, expectNothingDecided, expectPicture, pictureOf } from './lib/picture.ts'

/*
 * Peers without a right to be here, built on libp2p itself, against a mesh of three real node processes. After each
 * attempt the mesh looks as before, and its members were served meanwhile.
 */

const DAY_MS = 86_400_000
const CLOSED = [
  ...Object.values(PLANE_PROTOCOLS),
  '/meshsub/1.0.0',
  '/meshsub/1.1.0',
  '/meshsub/1.2.0',
  '/floodsub/1.0.0',
  '/ipfs/id/1.0.0',
  '/ipfs/id/push/1.0.0',
  '/ipfs/ping/1.0.0',
  '/libp2p/circuit/relay/0.2.0/hop',
  '/libp2p/circuit/relay/0.2.0/stop',
  '/libp2p/dcutr',
  '/libp2p/autonat/1.0.0',
  '/libp2p/fetch/0.0.1',
]

let siege: Besieged
let dir: string
let nodes: readonly LocalNode[]
let target: LocalNode
let usedToken: string
let foreign: Papers
let before: unknown
let decided: Decided

beforeAll(async () => {
  siege = await besieged()
  ;({ dir, nodes, target } = siege)
  ;({ token: usedToken } = (await target.vsmcp('invite', '--uses', '1')) as { token: string })
  // who used it up has left again: with its papers an outsider that once was inside
  await vsmcp(`${dir}/left`, 'join', usedToken, '--name', 'left')
  const left = await LocalNode.start(`${dir}/left`, 'left')
  await target.vsmcp('wait', '--members', '4', '--timeout', '20s')
  await left.vsmcp('leave')
  await left.end('SIGTERM')
  await target.vsmcp('wait', '--members', '3', '--timeout', '20s')
  await vsmcp(`${dir}/foreign`, 'init', '--name', 'foreign')
  foreign = await papersIn(`${dir}/foreign`)
  decided = await atRest(target)
  before = await pictureOf(target)
}, 60_000)

afterAll(() => siege.end())
afterAll(endHostiles)

async function nothingChanged(): Promise<void> {
  await expectPicture(target, before)
  decided = await expectNothingDecided(target, decided)
}

/** Genuine signatures of this mesh's own voters under a credential that ended yesterday. */
async function expired(): Promise<Papers> {
  const voters = await Promise.all(['a', 'b', 'c'].map((name) => papersIn(`${dir}/${name}`)))
  const identity = generateIdentity()
  const { enrolment } = nth(voters, 0)
  const payload = credentialPayload({
    mesh: enrolment.meshId,
    group: enrolment.groupId,
    sub: identity.peerId,
    name: 'late',
    zone: '',
    role: 'member',
    jti: randomBytes(16).toString('hex'),
    voterIndex: enrolment.chain.index,
    issuedAtMs: Date.now() - 3 * DAY_MS,
    lifeMs: 2 * DAY_MS,
  })
  const parts = await Promise.all(voters.map(({ identity: voter }) => signCredential(voter, payload)))
  return { identity, enrolment: { ...enrolment, credential: await combineCredential(payload, parts, enrolment.chain.voters) } }
}

interface Kind {
  readonly who: string
  readonly papers: () => Promise<{ identity: Papers['identity']; passport: Uint8Array }>
}

const shown = async (papers: Papers): Promise<{ identity: Papers['identity']; passport: Uint8Array }> => ({
  identity: papers.identity,
  passport: passportOf(papers),
})

const KINDS: readonly Kind[] = [
  { who: 'shows garbage', papers: async () => ({ identity: generateIdentity(), passport: randomBytes(500) }) },
  {
    who: 'shows the recorded passport of a member as its own',
    papers: async () => ({ identity: generateIdentity(), passport: passportOf(await papersIn(`${dir}/b`)) }),
  },
  { who: 'is a member of another mesh', papers: () => shown(foreign) },
  {
    who: 'puts a credential of another mesh beside the charter of this one',
    papers: async () => {
      const { credential } = foreign.enrolment
      return { identity: foreign.identity, passport: passportOf(await papersIn(`${dir}/a`), { credential }) }
    },
  },
  { who: 'holds a credential that has expired', papers: async () => shown(await expired()) },
  { who: 'has left', papers: async () => shown(await papersIn(`${dir}/left`)) },
  {
    who: 'signed its credential itself',
    papers: async () => {
      const identity = generateIdentity()
      const { enrolment } = await papersIn(`${dir}/a`)
      const payload = credentialPayload({
        mesh: enrolment.meshId,
        group: enrolment.groupId,
        sub: identity.peerId,
        name: 'self-made',
        zone: '',
        role: 'member',
        jti: 'selfmade',
        voterIndex: enrolment.chain.index,
        issuedAtMs: Date.now(),
      })
      const { payload: text, ...part } = await signCredential(identity, payload)
      return shown({ identity, enrolment: { ...enrolment, credential: { payload: text, signatures: [part] } } })
    },
  },
]

describe('the hello', () => {
  it.each(KINDS)('refuses who $who, and every protocol stays closed', async ({ papers }) => {
    const { identity, passport } = await papers()
    const stranger = await showing(identity, () => passport)
    const refusals: string[] = []
    stranger.on('peer:refused', ({ side, code }) => refusals.push(`${side} ${code}`))
    await expect(stranger.dial(target.ready.listen)).rejects.toThrow()
    expect(refusals.length).toBeGreaterThan(0)
    // for what they are, not for the age of their program
    for (const refusal of refusals) expect(refusal).toMatch(/^there VSMCP_(?!NODE_FEATURE_LEVEL)/)
    expect(stranger.peers()).toEqual([])
    await nothingChanged()
  })

  it('opens no protocol to who says none, whatever is said on it', async () => {
    const connection = await dialRaw(await raw(), target.ready.listen)
    const frame = new OutgoingFrame([REQUEST, 1, 'system5:decide', 5_000], randomBytes(64))
    const notice = new OutgoingFrame([NOTICE, 'raft'], randomBytes(64))
    for (const protocol of CLOSED) {
      for (const bytes of [
        Buffer.concat([frame.head, frame.payload ?? frame.head]),
        Buffer.concat([notice.head, notice.payload ?? notice.head]),
        randomBytes(1_000),
      ]) {
        expect(await tryProtocol(connection, protocol, bytes), protocol).toEqual({ heard: 0, stayedOpen: false })
      }
    }
    await nothingChanged()
  })

  it.each([
    ['hello', HELLO_PROTOCOL],
    ['join', JOIN_PROTOCOL],
  ])('announces a message of 4 GiB on %s and is cut off', async (_name, protocol) => {
    const connection = await dialRaw(await raw(), target.ready.listen)
    expect(await tryProtocol(connection, protocol, Uint8Array.of(255, 255, 255, 255, 1, 2, 3), 3_000)).toEqual({
      heard: 0,
      stayedOpen: false,
    })
    await nothingChanged()
  })
})

describe('gossip', () => {
  it('neither reaches nor comes from who is no member, though it subscribes to every topic and publishes on it', async () => {
    const { meshId, groupId } = (await papersIn(`${dir}/a`)).enrolment
    const topics = topicsOf(meshId, groupId)
    const names = [
      topics.coordination,
      topics.control,
      topics.intelligence,
      topics.policy,
      topics.alert,
      topics.state,
      topics.unit('notes'),
      'vsmcp/presence',
    ]
    const stranger = await raw()
    let heard = 0
    stranger.services.pubsub.addEventListener('message', () => (heard += 1))
    for (const name of names) stranger.services.pubsub.subscribe(name)
    for (const node of nodes) await dialRaw(stranger, node.ready.listen)
    for (const name of names) await stranger.services.pubsub.publish(name, randomBytes(200)).catch(() => {})
    // what the members say to one another meanwhile: a unit comes and goes
    await target.vsmcp('attach', 'passing', '--', ...memory)
    await target.vsmcp('wait', '--tool', 'passing__read_graph', '--timeout', '20s')
    await target.vsmcp('detach', 'passing')
    for (const name of names) await stranger.services.pubsub.publish(name, randomBytes(200)).catch(() => {})
    expect(heard).toBe(0)
    for (const name of names) expect(stranger.services.pubsub.getSubscribers(name), name).toEqual([])
    decided = await atRest(target)
    await nothingChanged()
  })
})

/** Passes a connection on and keeps what the dialler said. */
async function recorder(to: { host: string; port: number }): Promise<{ port: number; said: Buffer[]; close: () => void }> {
  const said: Buffer[] = []
  const sockets: Socket[] = []
  const server = createServer((inbound) => {
    const outbound = connect(to.port, to.host)
    sockets.push(inbound, outbound)
    inbound.on('data', (data: Buffer) => said.push(data))
    inbound.pipe(outbound).pipe(inbound)
    for (const socket of [inbound, outbound]) socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port, said, close }
}

function portOf(node: LocalNode): number {
  return Number(/\/tcp\/(\d+)/.exec(nth(node.ready.listen, 0))?.[1])
}

/** A joiner of an own name, by the token, as `vsmcp join` does it. */
async function tryToJoin(mesh: Mesh, token: string, identity: Papers['identity'], secret?: Uint8Array): Promise<unknown> {
  const invitation = decodeToken(token)
  const session = joinerSession({
    invitation: secret === undefined ? invitation : { ...invitation, secret },
    self: identity.peerId,
    name: 'guesser',
    addresses: [],
  })
  return mesh.join(target.ready.listen, {}, (exchange, member) => runJoin(session, member, exchange, () => Date.now()))
}

describe('replays', () => {
  it('of all the bytes of a member’s connection open nothing, nor does an evicted member', async () => {
    const tape = await recorder({ host: '127.0.0.1', port: portOf(target) })
    try {
      // a genuine member's whole conversation, recorded on its way
      const { token } = (await target.vsmcp('invite', '--uses', '1')) as { token: string }
      await vsmcp(`${dir}/taped`, 'join', token, '--name', 'taped')
      const papers = await papersIn(`${dir}/taped`)
      const member = await showing(papers.identity, () => passportOf(papers))
      await member.dial([`/ip4/127.0.0.1/tcp/${tape.port}`])
      expect(member.peers()).toHaveLength(1)
      const recorded = Buffer.concat(tape.said)
      expect(recorded.length).toBeGreaterThan(1_000)
      await target.vsmcp('evict', 'taped', '--reason', 'it was listened to')
      await member.stop()
      const again = await showing(papers.identity, () => passportOf(papers))
      await expect(again.dial(target.ready.listen)).rejects.toThrow()
      expect(again.peers()).toEqual([])
      await target.vsmcp('wait', '--members', '3', '--timeout', '20s')
      decided = await atRest(target)
      before = await pictureOf(target)

      const socket = connect(portOf(target), '127.0.0.1')
      const answered: Buffer[] = []
      socket.on('data', (data: Buffer) => answered.push(data))
      const { promise: closed, resolve } = Promise.withResolvers<void>()
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.write(recorded)
      await closed
      // multistream and the first message of noise, which holds only what anybody is told: the node's public key, for a fresh secret
      expect(Buffer.concat(answered).length).toBeLessThan(1_000)
      await nothingChanged()
    } finally {
      tape.close()
    }
  })

  it('of a used-up invitation are refused, from the command and from libp2p', async () => {
    const { exit, error } = await failure(`${dir}/thief`, 'join', usedToken)
    expect(exit).toBe(4)
    expect(error.code).toMatch(/^VSMCP_/)
    const identity = generateIdentity()
    const thief = await showing(identity, () => new Uint8Array())
    await expect(tryToJoin(thief, usedToken, identity)).rejects.toThrow(/used/i)
    await nothingChanged()
  })

  it('of guessed secrets and guessed ids of invitations are told nothing, and slowed down', async () => {
    const { token, id } = (await target.vsmcp('invite')) as { token: string; id: string }
    const codes = new Map<string, number>()
    const guess = async (known: boolean): Promise<void> => {
      const identity = generateIdentity()
      const mesh = createMesh({ listen: [] })({
        privateKey: identity.privateKeyProtobuf,
        hello: { local: async () => new Uint8Array(), verify: async () => ({ info: {} }) },
        clock: systemClock,
        random: seededRandom(1),
        logger: silentLogger,
      })
      await mesh.start()
      try {
        await tryToJoin(mesh, known ? token : usedToken, identity, randomBytes(32))
        codes.set('let in', 1)
      } catch (error) {
        const { code = 'lost' } = error as { code?: string }
        codes.set(code, (codes.get(code) ?? 0) + 1)
      } finally {
        await mesh.stop()
      }
    }
    for (let at = 0; at < 60; at++) await guess(at % 2 === 0)
    expect(codes.has('let in')).toBe(false)
    // known and unknown ids alike; after the first ones the address has to wait
    expect(
      [...codes.keys()].every((code) => /INVITATION|JOIN|BUSY|ATTEMPTS|REFUSED/.test(code)),
      JSON.stringify([...codes]),
    ).toBe(true)
    await target.vsmcp('invite', 'revoke', id)
    decided = await atRest(target)
    const invitations = await target.vsmcp('invite', 'ls')
    before = { ...(before as object), invitations }
    await nothingChanged()
  })
})

describe('floods', () => {
  it('of half-open handshakes and idle connections leave members served', async () => {
    const sockets: Socket[] = []
    for (let at = 0; at < 1_500; at++) {
      const socket = connect(portOf(target), '127.0.0.1')
      socket.on('error', () => {})
      if (at % 3 === 0) socket.write('\x13/multistream/1.0.0\n')
      if (at % 3 === 1) socket.write('\x13/multistream/1.0.0\n\x07/noise\n')
      sockets.push(socket)
      if (at % 100 === 0) await once(socket, 'connect').catch(() => {})
    }
    await memberIsServed(target)
    for (const socket of sockets) socket.destroy()
    await nothingChanged()
  })

  it('of connections with streams on every protocol leave members served', async () => {
    const streams = Array.from({ length: 8 }, async () => {
      const connection = await dialRaw(await raw(), target.ready.listen)
      for (let at = 0; at < 150 && connection.status === 'open'; at++) {
        await tryProtocol(connection, nth(CLOSED, at % CLOSED.length), randomBytes(100), 1)
      }
    })
    const [, ...outcomes] = await Promise.allSettled([memberIsServed(target).then(() => memberIsServed(target)), ...streams])
    expect(outcomes).toHaveLength(8)
    await memberIsServed(target)
    await nothingChanged()
  })

  it('of refused hellos leave members served', async () => {
    const hellos = Array.from({ length: 40 }, async () => {
      const stranger = await showing(generateIdentity(), () => randomBytes(200_000))
      await stranger.dial(target.ready.listen).catch(() => {})
      await stranger.stop()
    })
    await memberIsServed(target)
    await Promise.all(hellos)
    await memberIsServed(target)
    await nothingChanged()
  })
})
