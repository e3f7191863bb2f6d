import { encodeOperation, type Operation, Table } from '@vsmcp/consensus'
import { base64urlOf, silentLogger, systemClock } from '@vsmcp/kernel'
import { type Chain, encodeChain, generateIdentity } from '@vsmcp/security'
import { pack, unpack } from 'msgpackr'
import { expect, it } from 'vitest'
import { PlaceProofs } from '../src/recursion/place-proof.ts'
import { foundMesh, startGroup, followersOf, leaderOf } from './support/group.ts'

const PLACE = { parent: 'elsewhere', move: 3 }

it('that a group stands elsewhere is believed by the word of a majority of its voters, each by its own docket, and by nothing less', async () => {
  const { enrolment, chain: known } = (await foundMesh()).trust
  const mesh = enrolment.meshId
  const voters = [1, 2, 3].map(() => generateIdentity())
  // Its chain proves itself elsewhere; here it is who votes that counts.
  const chain = { ...known, voters: voters.map(({ peerId }) => peerId) } as Chain
  const places = voters.map((): { parent: string; move: number } | undefined => PLACE)
  const handlers = new Map<string, (call: { payload: Uint8Array }) => Promise<Uint8Array>>()
  const control = (self: string) => ({
    handle: (_method: string, handler: never) => void handlers.set(self, handler),
    call: async (peer: string, _method: string, payload: Uint8Array) => {
      const handler = handlers.get(peer)
      if (handler === undefined) throw new Error('nobody there')
      return handler({ payload })
    },
  })
  // A clock by which every wait is over at once.
  const clock = { ...systemClock, after: (_ms: number, done: () => void) => (done(), { cancel() {} }) }
  const common = { mesh, group: 'child', trust: { chain }, memberships: { get: () => undefined }, clock, logger: silentLogger }
  const below = voters.map(
    (identity, at) =>
      new PlaceProofs({
        ...common,
        identity,
        log: {
          get state() {
            return { place: places[at] }
          },
          on: () => () => {},
        } as never,
        control: control(identity.peerId) as never,
        chains: () => ({ chainOf: () => undefined, hearChain: () => {} }),
      }),
  )
  let heard: string[] = []
  const listed = { name: 'child', move: 2 }
  const above = new PlaceProofs({
    ...common,
    identity: generateIdentity(),
    group: 'above',
    log: { state: { groups: Table.from([['child', listed]]) }, on: () => () => {} } as never,
    control: control('above') as never,
    chains: () => ({
      chainOf: (group) => (group === 'child' ? chain : undefined),
      hearChain: (...shown) => void heard.push(shown.join()),
    }),
  })
  const operation = { op: 'group:placed', id: 'child', author: 'd', atMs: 0, ...PLACE } as const
  const flaw = (proof?: Uint8Array, of: Partial<Operation> = {}): string | undefined =>
    above.flawOf({ ...operation, ...of } as Operation, proof, 'd')
  const [first] = below
  if (first === undefined) throw new Error('no voters')

  const proof = await first.collect(PLACE)
  expect(flaw(proof)).toBeUndefined()
  expect(heard).toEqual([`child,${base64urlOf(encodeChain(chain))},d`])
  expect(flaw()).toContain('is missing')
  expect(flaw(proof.slice(0, -1))).toContain('what came is not a proof')
  expect(flaw(proof, { parent: 'above' })).toContain('0 of 3 voters')
  expect(flaw(proof, { move: 4 })).toContain('0 of 3 voters')
  expect(flaw(proof, { id: 'other' })).toContain('nothing is known')
  const { signatures, chain: shown } = unpack(proof) as { chain: string; signatures: { peer: string; signature: Uint8Array }[] }
  const [one] = signatures
  const forged = (all: readonly unknown[]): Uint8Array => pack({ chain: shown, signatures: all })
  expect(flaw(forged([one]))).toContain('1 of 3 voters')
  expect(flaw(forged([one, one, one]))).toContain('1 of 3 voters')
  const stranger = generateIdentity()
  expect(flaw(forged([one, { peer: stranger.peerId, signature: one?.signature }]))).toContain('1 of 3 voters')
  expect(flaw(forged([one, { peer: voters[2]?.peerId, signature: one?.signature }]))).toContain('1 of 3 voters')

  // A voter that does not know it so does not sign; one of three is no matter, two are.
  places[1] = { parent: 'elsewhere', move: 2 }
  expect(flaw(await first.collect(PLACE))).toBeUndefined()
  places[2] = undefined
  await expect(first.collect(PLACE)).rejects.toMatchObject({ code: 'VSMCP_NODE_NOT_BORNE_OUT' })
  places[0] = undefined
  await expect(first.collect(PLACE)).rejects.toMatchObject({ code: 'VSMCP_NODE_NOT_BORNE_OUT' })

  // Nor is a place kept for what is listed, which would let go of it as well; of an earlier or no move the docket judges.
  heard = []
  const awaiting = {
    op: 'group:await',
    id: 'child',
    name: 'child',
    author: 'd',
    atMs: 0,
    charterDigest: '',
    levels: 0,
    asDelegate: false,
  } as const
  expect(above.flawOf({ ...awaiting, move: 3 }, undefined, 'd')).toContain('is let go first')
  expect(above.flawOf({ ...awaiting, move: 2 }, undefined, 'd')).toBeUndefined()
  expect(above.flawOf({ ...awaiting, id: 'new', move: 3 }, undefined, 'd')).toBeUndefined()
})

it('a member that may ask is not believed that a group below has gone, however it asks', async () => {
  const nodes = await startGroup(3)
  const leader = leaderOf(nodes)
  const [delegate] = followersOf(nodes)
  const id = 'f'.repeat(32)
  await delegate.decisions.decide({ op: 'group:create', id, name: 'child', charterDigest: 'a'.repeat(64) })
  const lie = encodeOperation({ op: 'group:placed', id, parent: 'elsewhere', move: 1, author: delegate.peer, atMs: 0 })
  const ask = (method: string, payload: Uint8Array): Promise<unknown> =>
    delegate.control.call(leader.peer, method, payload, { deadlineMs: 20_000 })
  await expect(ask('system5:decide', lie)).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_NOT_BORNE_OUT' })
  const own = pack({ chain: base64urlOf(encodeChain(delegate.trust.chain)), signatures: [] })
  for (const proof of [new Uint8Array(), own]) {
    await expect(ask('system5:decide-proven', pack({ operation: lie, proof }))).rejects.toMatchObject({
      remoteCode: 'VSMCP_NODE_NOT_BORNE_OUT',
    })
  }
  // A chain that is shown costs signatures to verify: who shows some without end is turned away before any is looked at.
  const codeOf = (error: { remoteCode?: string }): string | undefined => error.remoteCode
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => ask('system5:decide-proven', pack({ operation: lie, proof: own })).catch(codeOf)),
  )
  expect(answers.filter((code) => code === 'VSMCP_BUSY').length).toBeGreaterThan(20)
  expect(answers[0]).toBe('VSMCP_NODE_NOT_BORNE_OUT')
  // Nor does it propose it itself where it has no seat in that group.
  const placed = { op: 'group:placed', id, parent: 'elsewhere', move: 1 } as const
  for (const node of [delegate, leader]) {
    await expect(node.decisions.decide(placed)).rejects.toThrow(/voters of f+ is missing/)
  }
  expect((await delegate.decisions.current()).groups.get(id)?.name).toBe('child')
})
