import { Table } from '@vsmcp/consensus'
import {
  type Chain,
  combineCredential,
  combineLink,
  credentialPayload,
  encodePassport,
  extendChain,
  generateIdentity,
  heardOf,
  type HeardOf,
  type Identity,
  loadIdentity,
  nextLinkStatement,
  oldestVouching,
  orThrow,
  signCredential,
  signLink,
  VOUCHING_ERAS_MAX,
} from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { DELEGATE_CREDENTIAL_LIFE_MS } from '../src/constants.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { DelegatePapers } from '../src/system5/delegate-papers.ts'
import { emptyDirectory, foundMesh, startNode, type TestNode } from './support/group.ts'
import { movableClock } from './support/movable-clock.ts'
import { seatsOf } from './support/seats.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The machine may be busy with other things. */
const GRACE = { timeout: 30_000 }

interface Known {
  chain?: Chain
  nowMs?: number
  evicted?: string
  heard?: HeardOf
}

/** How they are judged above the group that this node is the only one of. */
function aboveOf(node: TestNode, { chain, nowMs = Date.now(), evicted, heard }: Known = {}): DelegatePapers {
  const { groupId, meshId: mesh } = node.trust.enrolment
  const { state } = node.log
  if (state === undefined) throw new Error('it leads, and has a docket')
  const groups = Table.from([
    [groupId, {}],
    ['sister', {}],
  ])
  return new DelegatePapers({
    mesh,
    log: { state: { ...state, groups } as typeof state },
    chainOf: () => chain,
    oldestVouching: (judged, now) => oldestVouching(judged, heard, now),
    isEvictedBy: (group, peer) => group === groupId && peer === evicted,
    nowMs: () => nowMs,
  })
}

/** The chain after so many changes of voters, each to another one. */
function through(chain: Chain, founder: Identity, changes: number): { chain: Chain; voter: Identity } {
  let [longer, voter] = [chain, founder]
  for (let at = 1; at <= changes; at++) {
    const next = generateIdentity()
    const digest = at.toString(16).padStart(64, '0')
    const change = { epoch: 1, index: longer.index + 10, digestBefore: digest, digestNow: digest, votersNow: [next.peerId] }
    const statement = nextLinkStatement(longer, change)
    const signatures = [voter, next].map((signer) => signLink(signer, statement))
    longer = orThrow(extendChain(longer, combineLink(statement, signatures)))
    voter = next
  }
  return { chain: longer, voter }
}

/** What this peer shows by a credential that the voter signed, and this chain. */
async function shownBy(peer: string, { chain, voter }: { chain: Chain; voter: Identity }, voterIndex = chain.index) {
  const payload = credentialPayload({
    mesh: chain.meshId,
    group: chain.group,
    sub: peer,
    name: 'x',
    zone: '',
    role: 'member',
    jti: 'one',
    voterIndex,
    issuedAtMs: Date.now(),
  })
  const credential = await combineCredential(payload, [await signCredential(voter, payload)], [voter.peerId])
  const { firstCharter, links } = chain
  const wire = { min: 1, max: 1, level: 4 }
  return encodePassport({ credential, firstCharter, links, wire, name: 'x', addresses: [], version: '0.0.0' })
}

describe('the papers of who would speak for a group below', () => {
  it('are of that group, of that member, in force, and not of one that it evicted; nothing is asked where there is no such group', async () => {
    const node = await foundMesh()
    const { peer } = node
    const passport = await node.trust.passport()
    const { groupId } = node.trust.enrolment
    const objection = (known?: Known, shown: Uint8Array | undefined = passport, by = peer): Promise<string | undefined> =>
      aboveOf(node, known).objectionTo(by, groupId, shown)
    expect(await objection()).toBeUndefined()
    expect(await objection({ chain: node.trust.chain })).toBeUndefined()
    expect(await aboveOf(node).objectionTo(peer, groupId, undefined)).toContain('shows no papers')
    expect(await aboveOf(node).objectionTo(peer, 'sister', passport)).toContain('none of sister')
    expect(await objection({}, passport, generateIdentity().peerId)).toContain(`credential of ${peer}`)
    expect(await objection({ nowMs: Date.now() + 400 * DAY })).toContain('expired')
    expect(await objection({ evicted: peer })).toContain('was revoked')
    expect(await objection({}, passport.slice(0, -1))).toContain('is no member')
    // Another mesh's group of the same name: its chain does not lead to this mesh.
    const other = await foundMesh()
    for (const known of [{}, { chain: node.trust.chain }]) {
      expect(await objection(known, await other.trust.passport(), other.peer)).toContain('is no member')
    }
    expect(await aboveOf(node).objectionTo(peer, 'elsewhere', undefined)).toBeUndefined()
    expect(await aboveOf(node).objectionTo(peer, undefined, undefined)).toBeUndefined()
  })

  it('are by voters of now, as the longer of the chain shown and the chain known tells', async () => {
    const node = await foundMesh()
    const founder = await loadIdentity(dataDirectory(node.dir).identity)
    const first = { chain: node.trust.chain, voter: founder }
    const late = through(first.chain, founder, VOUCHING_ERAS_MAX)
    const peer = generateIdentity().peerId
    const { group } = first.chain
    const objection = async (shown: Uint8Array, chain?: Chain): Promise<string | undefined> =>
      aboveOf(node, chain === undefined ? {} : { chain }).objectionTo(peer, group, shown)
    // The chain shown goes on from what is known, or that goes on from what is shown, a change ago.
    expect(await objection(await shownBy(peer, late), first.chain)).toBeUndefined()
    const before = through(first.chain, founder, 1)
    expect(await objection(await shownBy(peer, first), before.chain)).toBeUndefined()
    // Its first voter signs once more, long after it was replaced: whatever chain it shows with that, and whatever of it is known.
    const old = await shownBy(peer, { chain: late.chain, voter: founder }, first.chain.index)
    for (const known of [undefined, first.chain, late.chain]) expect(await objection(old, known)).toContain('long ago')
    expect(await objection(await shownBy(peer, first), late.chain)).toContain('long ago')
    // It was replaced once only, and those above have heard of that for longer than a credential lives.
    const again = await shownBy(peer, { chain: before.chain, voter: founder }, first.chain.index)
    const heardAgo = (days: number): HeardOf => heardOf(undefined, before.chain, Date.now() - days * DAY)
    expect(await aboveOf(node, { heard: heardAgo(91) }).objectionTo(peer, group, again)).toContain('long ago')
    expect(await aboveOf(node, { heard: heardAgo(89) }).objectionTo(peer, group, again)).toBeUndefined()
    // Signed by nobody who ever voted there, or in the name of voters that are not in the chain.
    const stranger = generateIdentity()
    expect(await objection(await shownBy(peer, { ...first, voter: stranger }))).toContain('is no member')
    expect(await objection(await shownBy(peer, first, 999))).toContain('not in the chain')
  })

  it('are shown at each renewal above, by a delegate between real nodes, within a day', async () => {
    const { clock, advance } = movableClock()
    const a = await foundMesh('a', { clock })
    const { id: eu } = await (await seatsOf(a, clock)).desk.create({ path: 'eu' })
    const inside = a.memberships.get(eu)?.parts
    if (inside === undefined) throw new Error('its founder has a seat there')
    await expect.poll(() => inside.log.isLeader, GRACE).toBe(true)
    const dir = await emptyDirectory()
    const invited = { role: 'member', ttlMs: HOUR, uses: 1 } as const
    await joinMesh({ dataDir: dir, token: (await inside.admission.invite(invited)).token, name: 'b' })
    const b = await startNode(dir, { clock })
    await seatsOf(b, clock)
    const above = await b.memberships.hands.take((await a.admission.invite({ ...invited, delegateOf: eu })).token)
    const seat = b.memberships.get(above)?.parts
    if (seat === undefined) throw new Error('the seat runs')
    await expect.poll(() => seat.log.state?.members.get(b.peer)?.delegateOf, GRACE).toBe(eu)
    const { claims } = seat.renewal
    expect((claims.exp - claims.iat) * 1_000).toBe(DELEGATE_CREDENTIAL_LIFE_MS)
    const next = (): Promise<number> => new Promise((resolve) => seat.renewal.on('renewed', ({ exp }) => resolve(exp)))
    advance(21 * HOUR)
    const renewed = next()
    seat.renewal.look()
    expect((await renewed) - claims.exp).toBeGreaterThanOrEqual((21 * HOUR) / 1_000)
    // Off, or cut off, for longer than it lives: nothing else is done for it before, and no operator is needed.
    await expect.poll(() => a.standing.claimsOf(b.peer)?.exp, GRACE).toBe(seat.renewal.claims.exp)
    advance(3 * DAY)
    expect(a.standing.serves(b.peer)).toBe(false)
    const again = next()
    seat.renewal.look()
    await again
    await expect.poll(() => a.standing.serves(b.peer), GRACE).toBe(true)
    // What it is at home is left alone.
    expect(b.renewal.claims.exp - b.renewal.claims.iat).toBe((90 * DAY) / 1_000)
  })
})
