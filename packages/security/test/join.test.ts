import { RemoteError, VsmcpError } from '@vsmcp/kernel'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Chain,
  createInvitation,
  decodeJoinGrant,
  decodeRedeemRequest,
  encodeJoinGrant,
  encodePassport,
  encodeRedeemRequest,
  generateIdentity,
  type Identity,
  type Invitation,
  InvitationRefusedError,
  type Joined,
  type JoinExchange,
  type JoinGrant,
  joinerSession,
  JoinOtherGroupError,
  type JoinOutcome,
  JoinRefusedError,
  joinServer,
  type JoinServerComponents,
  type JoinServerInit,
  makeProof,
  type ProofInput,
  type RedeemRequest,
  runJoin,
  verifierOf,
  verifyProof,
} from '../src/index.ts'
import { decodeJoinMessage, encodeJoinMessage } from '../src/join-messages.ts'
import {
  chainBelow,
  chainThrough,
  codeOf,
  credentialFor,
  DAY_MS,
  flipped,
  NOW_MS,
  passportOf,
  thrownBy,
  world,
} from './fixtures.ts'

const of = world()
const [a, b, c, d] = of.all as [typeof of.founder, typeof of.founder, typeof of.founder, typeof of.founder]
const chain = chainThrough(of, [a, b, c])
const later = chainThrough(of, [a, b, c], [b, c, d])
const joiner = generateIdentity()

/** Two ends of one stream; every message is kept in `sent`. */
function exchangePair(): { joinerEnd: JoinExchange; memberEnd: JoinExchange; sent: Uint8Array[] } {
  const sent: Uint8Array[] = []
  const end = (): { queue: Uint8Array[]; waiting: ((message: Uint8Array) => void)[] } => ({ queue: [], waiting: [] })
  const [left, right] = [end(), end()]
  const face = (own: typeof left, other: typeof left): JoinExchange => ({
    async send(message) {
      sent.push(message)
      const waiting = other.waiting.shift()
      if (waiting === undefined) other.queue.push(message)
      else waiting(message)
    },
    receive: () =>
      new Promise((resolve) => {
        const queued = own.queue.shift()
        if (queued === undefined) own.waiting.push(resolve)
        else resolve(queued)
      }),
  })
  return { joinerEnd: face(left, right), memberEnd: face(right, left), sent }
}

/** A member with a docket of its own, as the leader would keep it. */
class Member {
  readonly docket = new Map<string, Uint8Array>()
  readonly redeemed: RedeemRequest[] = []
  nowMs = 0
  readonly identity: Identity
  readonly #chain: Chain
  readonly #grant: (request: RedeemRequest) => Promise<JoinGrant>
  readonly serve: ReturnType<ReturnType<typeof joinServer>>

  constructor(identity: Identity, own: Chain, init: JoinServerInit = {}, grant?: (request: RedeemRequest) => Promise<JoinGrant>) {
    this.identity = identity
    this.#chain = own
    this.#grant = grant ?? ((request) => this.grantTo(request))
    const components: JoinServerComponents = {
      self: identity.peerId,
      monotonicMs: () => this.nowMs,
      passport: async () => {
        const voters = own === later ? [b, c, d] : [a, b, c]
        return encodePassport(passportOf(own, await credentialFor(own, identity, voters)))
      },
      redeem: (request) => this.redeem(request),
    }
    this.serve = joinServer(init)(components)
  }

  invite(): Invitation {
    const made = createInvitation({
      chain: this.#chain,
      zone: '',
      role: 'member',
      expiresAtMs: NOW_MS + DAY_MS,
      addresses: ['/ip4/10.0.0.1/tcp/4950'],
      inviters: [this.identity.peerId],
    })
    this.docket.set(made.invitation.id, made.verifier)
    return made.invitation
  }

  async redeem(request: RedeemRequest): Promise<JoinGrant> {
    this.redeemed.push(request)
    if (!verifyProof(this.docket.get(request.invitationId), request, request.proof)) throw new InvitationRefusedError()
    return this.#grant(request)
  }

  async grantTo(request: RedeemRequest, change: object = {}): Promise<JoinGrant> {
    const sub = { ...joiner, peerId: request.joiner }
    const credential = await credentialFor(this.#chain, sub, [b, c], { zone: '', name: request.name, ...change })
    const peers = [{ peer: a.peerId, addresses: ['/ip4/10.0.0.2/tcp/4950'] }]
    return { credential, firstCharter: this.#chain.firstCharter, links: this.#chain.links, peers }
  }
}

interface Run {
  joined: Joined | string
  outcome: JoinOutcome
  sent: Uint8Array[]
}

async function join(
  member: Member,
  invitation: Invitation,
  who: Identity = joiner,
  authenticated = member.identity.peerId,
): Promise<Run> {
  const { joinerEnd, memberEnd, sent } = exchangePair()
  const session = joinerSession({ invitation, self: who.peerId, name: 'newcomer', addresses: ['/ip4/10.0.0.9/tcp/4950'] })
  const serving = member.serve(who.peerId, memberEnd, '/ip4/10.0.0.9/tcp/50000')
  const joined = await runJoin(session, authenticated, joinerEnd, () => NOW_MS).catch(async (error: unknown) => {
    await joinerEnd.send(new Uint8Array())
    return codeOf(error)
  })
  return { joined, outcome: await serving, sent: sent.filter(({ length }) => length > 0) }
}

describe('joining with an invitation', () => {
  it('gives the newcomer a verified credential, the chain and whom to dial', async () => {
    const member = new Member(a, chain)
    const { joined, outcome } = await join(member, member.invite())
    expect(joined).toMatchObject({
      claims: { sub: joiner.peerId, name: 'newcomer', role: 'member' },
      peers: [{ peer: a.peerId, addresses: ['/ip4/10.0.0.2/tcp/4950'] }],
    })
    expect(typeof joined === 'string' ? undefined : joined.chain).toEqual(chain)
    expect(outcome).toMatchObject({ joined: true, claims: { sub: joiner.peerId } })
    expect(member.redeemed[0]).toMatchObject({ joiner: joiner.peerId, member: a.peerId, addresses: ['/ip4/10.0.0.9/tcp/4950'] })
  })

  it('never shows the secret or the verifier on the wire', async () => {
    const member = new Member(a, chain)
    const invitation = member.invite()
    const { sent } = await join(member, invitation)
    const { inflateRawSync } = await import('node:zlib')
    const texts = sent.map((message) => inflateRawSync(message.subarray(1)).toString())
    expect(texts).toHaveLength(4)
    for (const secret of [invitation.secret, verifierOf(invitation.secret)]) {
      for (const form of ['base64url', 'base64', 'hex'] as const) {
        for (const text of texts) expect(text).not.toContain(Buffer.from(secret).toString(form))
      }
    }
  })

  it('works when the voters have changed since the invitation was made', async () => {
    const member = new Member(b, later)
    const invitation = { ...member.invite(), newestEra: chain.eras.at(-1)?.digest ?? '' }
    const { joined } = await join(member, invitation)
    expect(typeof joined === 'string' ? joined : joined.chain.index).toBe(later.index)
  })

  it('takes a longer chain with the grant than with the offer, but none that contradicts it', async () => {
    const longer = new Member(a, chain, {}, async (request) => ({ ...(await longer.grantTo(request)), links: later.links }))
    const { joined } = await join(longer, longer.invite())
    expect(typeof joined === 'string' ? joined : joined.chain.index).toBe(later.index)
    const shorter = new Member(a, chain, {}, async (request) => ({ ...(await shorter.grantTo(request)), links: [] }))
    const again = await join(shorter, shorter.invite())
    expect(typeof again.joined === 'string' ? again.joined : again.joined.chain.index).toBe(chain.index)
  })
})

describe('the joiner sends nothing secret', () => {
  const sendsNoProof = async (member: Member, invitation: Invitation, authenticated?: string): Promise<string> => {
    const { joined, sent } = await join(member, invitation, joiner, authenticated)
    const types = sent
      .filter(({ length }) => length > 0)
      .map((message) => decodeJoinMessage(message, 'start', 'offer', 'proof', 'grant', 'refusal').type)
    expect(types).not.toContain('proof')
    expect(member.redeemed).toEqual([])
    return typeof joined === 'string' ? joined : 'joined'
  }

  it('to a node of another mesh', async () => {
    const member = new Member(a, chain)
    expect(await sendsNoProof(member, { ...member.invite(), meshId: 'f'.repeat(32) })).toBe('CHARTER_OTHER_MESH')
  })

  it("to somebody who shows a member's passport", async () => {
    const member = new Member(a, chain)
    expect(await sendsNoProof(member, member.invite(), generateIdentity().peerId)).toBe('PASSPORT_FOREIGN')
  })

  it('to a member whose chain ends before the voters the invitation names', async () => {
    const member = new Member(a, chain)
    expect(await sendsNoProof(member, { ...member.invite(), newestEra: later.eras.at(-1)?.digest ?? '' })).toBe('CHAIN_BEHIND')
  })

  it('to a member of another group', async () => {
    const member = new Member(a, chain)
    expect(await sendsNoProof(member, { ...member.invite(), group: 'other' })).toBe('CHAIN_BEHIND')
  })
})

describe('a member refuses', () => {
  it('an unknown invitation and a wrong secret with the same words, the same messages and the same sizes', async () => {
    const member = new Member(a, chain)
    const known = member.invite()
    const unknown = await join(member, { ...known, id: '0'.repeat(32) })
    const wrong = await join(member, { ...known, secret: flipped(known.secret) })
    expect(unknown.joined).toBe('JOIN_REFUSED')
    expect(wrong.joined).toBe('JOIN_REFUSED')
    expect(unknown.outcome).toEqual(wrong.outcome)
    expect(unknown.outcome).toMatchObject({ joined: false, code: 'VSMCP_SECURITY_INVITATION_REFUSED' })
    expect(unknown.sent).toHaveLength(4)
    expect(Buffer.from(unknown.sent[3] ?? [])).toEqual(Buffer.from(wrong.sent[3] ?? []))
  })

  it('with its own code and words, which reach the person who joins', async () => {
    class UsedUpError extends VsmcpError {
      readonly code = 'VSMCP_TEST_USED_UP'
    }
    const member = new Member(a, chain, {}, () => Promise.reject(new UsedUpError('used up', { hint: 'ask again' })))
    const { joinerEnd, memberEnd } = exchangePair()
    const session = joinerSession({ invitation: member.invite(), self: joiner.peerId, name: 'x', addresses: [] })
    void member.serve(joiner.peerId, memberEnd)
    await expect(runJoin(session, a.peerId, joinerEnd, () => NOW_MS)).rejects.toMatchObject({
      code: 'VSMCP_SECURITY_JOIN_REFUSED',
      remoteCode: 'VSMCP_TEST_USED_UP',
      message: 'the member refused: used up',
      hint: 'ask again',
    })
  })

  it("with the leader's code when the leader refused", async () => {
    const member = new Member(a, chain, {}, () => Promise.reject(new RemoteError('VSMCP_FAR_AWAY', 'no')))
    expect((await join(member, member.invite())).outcome).toMatchObject({ code: 'VSMCP_FAR_AWAY', message: 'no' })
  })

  it('after a defect without telling what it was', async () => {
    const member = new Member(a, chain, {}, () => Promise.reject(new Error('at /home/secret/path')))
    const { joined, outcome } = await join(member, member.invite())
    expect(joined).toBe('JOIN_REFUSED')
    expect(outcome).toMatchObject({ joined: false, code: 'VSMCP_SECURITY_JOIN_FAILED', cause: new Error('at /home/secret/path') })
    expect(outcome.joined ? '' : outcome.message).not.toContain('secret')
  })

  it('too many attempts of one peer or one address, and lets others in', async () => {
    const member = new Member(a, chain, { attemptsPerMinute: 2 })
    const invitation = member.invite()
    const guess = (who: Identity, address: string) => {
      const { joinerEnd, memberEnd, sent } = exchangePair()
      void joinerEnd.send(
        joinerSession({ invitation: { ...invitation, id: '0'.repeat(32) }, self: who.peerId, name: 'x', addresses: [] }).start(),
      )
      void joinerEnd.send(encodeJoinMessage({ type: 'proof', proof: new Uint8Array(32), name: 'x', addresses: [] }))
      return member.serve(who.peerId, memberEnd, address).then((outcome) => ({ outcome, answers: sent.length - 2 }))
    }
    const codes = async (who: Identity, address: string) => {
      const { outcome } = await guess(who, address)
      return outcome.joined ? 'joined' : codeOf(outcome)
    }
    expect(await codes(joiner, '/ip4/1.1.1.1/tcp/1')).toBe('INVITATION_REFUSED')
    expect(await codes(joiner, '/ip4/2.2.2.2/tcp/1')).toBe('INVITATION_REFUSED')
    expect(await codes(joiner, '/ip4/3.3.3.3/tcp/1')).toBe('JOIN_RATE')
    expect(await codes(generateIdentity(), '/ip4/1.1.1.1/tcp/9')).toBe('INVITATION_REFUSED')
    expect(await codes(generateIdentity(), '/ip4/1.1.1.1/tcp/10')).toBe('JOIN_RATE')
    const network = ['/ip6/2001:db8::1/tcp/1', '/ip6/2001:DB8:0:0::2/tcp/2', '/ip6/2001:0db8:0000::ffff:3/tcp/3']
    expect(await Promise.all(network.map((address) => codes(generateIdentity(), address)))).toEqual([
      'INVITATION_REFUSED',
      'INVITATION_REFUSED',
      'JOIN_RATE',
    ])
    expect(await codes(generateIdentity(), '/ip6/2001:db8:1::1/tcp/1')).toBe('INVITATION_REFUSED')
    expect((await guess(joiner, '/ip4/4.4.4.4/tcp/1')).answers).toBe(1)
    member.nowMs += 60_000
    expect(await codes(joiner, '/ip4/1.1.1.1/tcp/1')).toBe('INVITATION_REFUSED')
  })

  it('whatever is no message of its turn, and never fails itself', async () => {
    const member = new Member(a, chain, { attemptsPerMinute: 1e9, attemptsPerMinuteInAll: 1e9 })
    const start = joinerSession({ invitation: member.invite(), self: joiner.peerId, name: 'x', addresses: [] }).start()
    const proof = encodeJoinMessage({ type: 'proof', proof: new Uint8Array(32), name: 'x', addresses: [] })
    const serve = async (...messages: Uint8Array[]): Promise<string> => {
      const { joinerEnd, memberEnd } = exchangePair()
      for (const message of messages) void joinerEnd.send(message)
      const outcome = await member.serve(joiner.peerId, memberEnd)
      return outcome.joined ? 'joined' : codeOf(outcome)
    }
    expect(await serve(proof)).toBe('JOIN_MESSAGE')
    expect(await serve(start, start)).toBe('JOIN_MESSAGE')
    expect(await serve(start.subarray(0, -1))).toBe('JOIN_MESSAGE')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (noise) => {
        expect(await serve(noise)).toBe('JOIN_MESSAGE')
        expect(await serve(start, noise)).toBe('JOIN_MESSAGE')
      }),
      { seed: 1, numRuns: 100 },
    )
    expect(member.redeemed).toEqual([])
  })

  it('a stranger whose stream breaks, and goes on', async () => {
    const member = new Member(a, chain)
    const broken: JoinExchange = {
      send: () => Promise.reject(new Error('gone')),
      receive: () => Promise.reject(new Error('gone')),
    }
    expect(await member.serve(joiner.peerId, broken)).toMatchObject({ joined: false, cause: new Error('gone') })
    expect((await join(member, member.invite())).outcome.joined).toBe(true)
  })
})

describe('the joiner refuses a grant', () => {
  const granted = async (change: object, who = joiner): Promise<Joined | string> => {
    const member = new Member(a, chain, {}, (request) => member.grantTo({ ...request, joiner: who.peerId }, change))
    return (await join(member, member.invite())).joined
  }

  it('of another role, zone or PeerId than promised', async () => {
    expect(await granted({})).not.toBeTypeOf('string')
    expect(await granted({ role: 'edge' })).toBe('JOIN_GRANT_MISMATCH')
    expect(await granted({ zone: 'elsewhere' })).toBe('JOIN_GRANT_MISMATCH')
    expect(await granted({}, generateIdentity())).toBe('JOIN_GRANT_MISMATCH')
  })

  it('that is not signed by the voters, or whose time is over', async () => {
    expect(await granted({ issuedAtMs: NOW_MS - 365 * DAY_MS })).toBe('CREDENTIAL_EXPIRED')
    const member = new Member(a, chain, {}, async (request) => {
      const { credential, ...rest } = await member.grantTo(request)
      return { ...rest, credential: { ...credential, signatures: credential.signatures.slice(0, 1) } }
    })
    expect((await join(member, member.invite())).joined).toBe('CREDENTIAL_SIGNATURES')
  })

  it('out of turn, and a session used twice', async () => {
    const session = joinerSession({ invitation: new Member(a, chain).invite(), self: joiner.peerId, name: 'x', addresses: [] })
    await expect(session.acceptGrant(new Uint8Array(), NOW_MS)).rejects.toMatchObject({ code: 'VSMCP_INVALID_ARGUMENT' })
    session.start()
    expect(() => session.start()).toThrow(/out of turn/)
    await expect(session.answerOffer(a.peerId, new Uint8Array(), NOW_MS)).rejects.toMatchObject({
      code: 'VSMCP_SECURITY_JOIN_MESSAGE',
    })
    await expect(session.answerOffer(a.peerId, new Uint8Array(), NOW_MS)).rejects.toMatchObject({
      code: 'VSMCP_INVALID_ARGUMENT',
    })
  })
})

describe('a proof', () => {
  const verifier = verifierOf(new Uint8Array(32).fill(7))
  const input: ProofInput = {
    joiner: joiner.peerId,
    member: a.peerId,
    nonceJ: new Uint8Array(32).fill(1),
    nonceM: new Uint8Array(32).fill(2),
  }
  const proof = makeProof(verifier, input)

  it('is accepted for just these two, these nonces and this invitation', () => {
    expect(verifyProof(verifier, input, proof)).toBe(true)
  })

  it.each([
    ['another joiner', { joiner: b.peerId }],
    ['another member', { member: b.peerId }],
    ['joiner and member exchanged', { joiner: input.member, member: input.joiner }],
    ['another nonce of the joiner', { nonceJ: flipped(input.nonceJ) }],
    ['another nonce of the member', { nonceM: flipped(input.nonceM) }],
    ['nonces exchanged', { nonceJ: input.nonceM, nonceM: input.nonceJ }],
    ['a byte moved from one field to the next', { nonceJ: input.nonceJ.subarray(1), nonceM: Uint8Array.of(1, ...input.nonceM) }],
  ])('is worth nothing with %s', (_what, change) => {
    expect(verifyProof(verifier, { ...input, ...change }, proof)).toBe(false)
  })

  it('is worth nothing changed, cut, lengthened, or under another secret', () => {
    for (let at = 0; at < proof.length; at++) expect(verifyProof(verifier, input, flipped(proof, at))).toBe(false)
    expect(verifyProof(verifier, input, proof.subarray(0, -1))).toBe(false)
    expect(verifyProof(verifier, input, Uint8Array.of(...proof, 0))).toBe(false)
    expect(verifyProof(verifier, input, new Uint8Array())).toBe(false)
    expect(verifyProof(verifierOf(new Uint8Array(32)), input, proof)).toBe(false)
  })

  it('for an unknown invitation is refused whatever it is, the stand-in for its verifier included', () => {
    expect(verifyProof(undefined, input, proof)).toBe(false)
    expect(verifyProof(undefined, input, makeProof(new Uint8Array(32), input))).toBe(false)
  })

  it('recorded in one exchange does not open another, from the same or another peer', async () => {
    const member = new Member(a, chain)
    const invitation = member.invite()
    const { sent } = await join(member, invitation)
    const [start, , recorded] = sent as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    for (const who of [joiner, generateIdentity()]) {
      const { joinerEnd, memberEnd } = exchangePair()
      void joinerEnd.send(start)
      void joinerEnd.send(recorded)
      expect(await member.serve(who.peerId, memberEnd)).toMatchObject({ code: 'VSMCP_SECURITY_INVITATION_REFUSED' })
    }
  })
})

describe('what goes to the leader and back', () => {
  const request: RedeemRequest = {
    invitationId: 'ab'.repeat(16),
    joiner: joiner.peerId,
    member: a.peerId,
    nonceJ: new Uint8Array(32).fill(1),
    nonceM: new Uint8Array(32).fill(2),
    proof: new Uint8Array(32).fill(3),
    name: 'x',
    addresses: ['/ip4/1.2.3.4/tcp/5'],
  }

  it('arrives as it was sent', async () => {
    expect(decodeRedeemRequest(encodeRedeemRequest(request))).toEqual(request)
    const grant = await new Member(a, chain).grantTo(request)
    expect(decodeJoinGrant(encodeJoinGrant(grant))).toEqual(grant)
  })

  it('keeps the first 64 of more peers', async () => {
    const grant = await new Member(a, chain).grantTo(request)
    const peers = Array.from({ length: 100 }, () => ({ peer: a.peerId, addresses: [] }))
    expect(decodeJoinGrant(encodeJoinGrant({ ...grant, peers })).peers).toHaveLength(64)
  })

  it.each([
    ['an id that is none', { invitationId: 'x' }],
    ['a joiner that is no PeerId', { joiner: 'me' }],
    ['a nonce too short', { nonceJ: new Uint8Array(31) }],
    ['a proof too long', { proof: new Uint8Array(33) }],
    ['a name that cannot be shown', { name: '\u0007' }],
    ['too many addresses', { addresses: Array.from({ length: 17 }, () => '/x/y') }],
  ])('is refused with %s', (_what, change) => {
    expect(thrownBy(() => encodeRedeemRequest({ ...request, ...change }))).toBe('JOIN_MESSAGE')
  })

  it('throws nothing but JoinMessageError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const sample of [noise, Uint8Array.of(1, ...noise)]) {
          expect(thrownBy(() => decodeRedeemRequest(sample))).toBe('JOIN_MESSAGE')
          expect(thrownBy(() => decodeJoinGrant(sample))).toBe('JOIN_MESSAGE')
          expect(thrownBy(() => decodeJoinMessage(sample, 'start', 'refusal'))).toBe('JOIN_MESSAGE')
        }
      }),
      { seed: 2, numRuns: 300 },
    )
  })
})

describe('joining a group below another', () => {
  const plant = chainBelow(chain, [a, b, c], 'plant', d)
  /** A node with a seat in the root and one in the plant. */
  const seats = (asked: (string | undefined)[] = [], redeemed: RedeemRequest[] = []): ReturnType<ReturnType<typeof joinServer>> =>
    joinServer()({
      self: d.peerId,
      monotonicMs: () => 0,
      passport: async (group) => {
        asked.push(group)
        if (group !== undefined && group !== plant.group && group !== chain.group) throw new JoinOtherGroupError('no seat there')
        const own = group === plant.group ? plant : chain
        return encodePassport(passportOf(own, await credentialFor(own, d, own === plant ? [d] : [a, b, c])))
      },
      redeem: async (request) => {
        redeemed.push(request)
        const own = request.group === plant.group ? plant : chain
        const { firstCharter, links } = own
        const credential = await credentialFor(own, joiner, own === plant ? [d] : [b, c], { zone: '', name: request.name })
        return { credential, firstCharter, links, peers: [] }
      },
    })
  const invitation = (own: Chain): Invitation =>
    createInvitation({
      chain: own,
      zone: '',
      role: 'member',
      expiresAtMs: NOW_MS + DAY_MS,
      addresses: ['/ip4/10.0.0.1/tcp/4950'],
      inviters: [d.peerId],
    }).invitation
  const run = async (server: ReturnType<typeof seats>, to: Invitation): Promise<Joined | string> => {
    const { joinerEnd, memberEnd } = exchangePair()
    const session = joinerSession({ invitation: to, self: joiner.peerId, name: 'newcomer', addresses: [] })
    void server(joiner.peerId, memberEnd)
    return runJoin(session, d.peerId, joinerEnd, () => NOW_MS).catch((error: unknown) =>
      error instanceof JoinRefusedError ? error.remoteCode : codeOf(error),
    )
  }

  it('is answered for the group that the token names, by a node that has a seat there', async () => {
    const [asked, redeemed]: [string[], RedeemRequest[]] = [[], []]
    const server = seats(asked, redeemed)
    expect(await run(server, invitation(plant))).toMatchObject({
      claims: { group: plant.group, sub: joiner.peerId },
      chain: plant,
    })
    expect(await run(server, invitation(chain))).toMatchObject({ claims: { group: 'root' } })
    expect([asked, redeemed.map(({ group }) => group)]).toEqual([
      [plant.group, 'root'],
      [plant.group, 'root'],
    ])
  })

  it('at a node that has no seat there is refused, and so is a group that the member only says to be that one', async () => {
    const other = chainBelow(chain, [a, b, c], 'other', b)
    expect(await run(seats(), invitation(other))).toBe('VSMCP_SECURITY_JOIN_OTHER_GROUP')
    const liar = joinServer()({
      self: d.peerId,
      monotonicMs: () => 0,
      passport: async () => encodePassport(passportOf(plant, await credentialFor(plant, d, [d]))),
      redeem: () => Promise.reject(new InvitationRefusedError()),
    })
    expect(await run(liar, invitation(other))).toBe('CHAIN_BEHIND')
  })

  it('a joiner of before, that names no group, means the root', async () => {
    const asked: (string | undefined)[] = []
    const { joinerEnd, memberEnd } = exchangePair()
    const serving = seats(asked)(joiner.peerId, memberEnd)
    await joinerEnd.send(encodeJoinMessage({ type: 'start', invitationId: 'a'.repeat(32), nonceJ: new Uint8Array(32) }))
    await joinerEnd.receive()
    await joinerEnd.send(new Uint8Array())
    await serving
    expect(asked).toEqual([undefined])
  })
})
