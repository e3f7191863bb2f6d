import { readFile } from 'node:fs/promises'
import type { Clock } from '@vsmcp/kernel'
import { CLOCK_SKEW_MS, CREDENTIAL_LIFE_MS, decodeCredentialPayload } from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { readEnrolment } from '../src/enrol/enrolment.ts'
import {
  followersOf,
  foundMesh,
  joinNode,
  leaderOf,
  sameAddresses,
  startGroup,
  startNode,
  type TestNode,
  until,
} from './support/group.ts'
import { movableClock } from './support/movable-clock.ts'

const DAY_MS = 86_400_000

function renewed(node: TestNode): Promise<number> {
  return new Promise((resolve) => {
    const off = node.renewal.on('renewed', ({ exp }) => {
      off()
      resolve(exp)
    })
  })
}

const known = (at: TestNode, of: TestNode): number | undefined => at.standing.claimsOf(of.peer)?.exp

describe('a credential', () => {
  it('is left alone for two thirds of its life and renewed before five sixths, and peers know the new one without a new hello', async () => {
    const { clock, advance } = movableClock()
    const nodes = await startGroup(3, { clock })
    const [node, other] = followersOf(nodes)
    const before = node.renewal.claims
    const upSince = other.mesh.peers().find(({ peer }) => peer === node.peer)?.upSinceMs
    const { iat, exp } = before
    expect(node.renewal.dueAtMs).toBeGreaterThanOrEqual(iat * 1_000 + ((exp - iat) * 1_000 * 2) / 3)
    expect(node.renewal.dueAtMs).toBeLessThanOrEqual(iat * 1_000 + ((exp - iat) * 1_000 * 5) / 6)
    advance(59 * DAY_MS)
    node.renewal.look()
    await node.decisions.current()
    expect(node.renewal.claims).toEqual(before)
    advance(17 * DAY_MS)
    const done = Promise.all(nodes.map(renewed))
    for (const each of nodes) each.renewal.look()
    await done
    expect(node.renewal.claims.exp - exp).toBeGreaterThan(75 * 86_400)
    await expect.poll(() => known(other, node)).toBe(node.renewal.claims.exp)
    expect(other.mesh.peers().find(({ peer }) => peer === node.peer)?.upSinceMs).toBe(upSince)
    const kept = await readEnrolment(node.dir)
    expect(decodeCredentialPayload(Buffer.from(kept?.credential.payload ?? '', 'base64url')).exp).toBe(node.renewal.claims.exp)
  })

  it('renews by itself within a life of seconds, again and again', async () => {
    const node = await foundMesh('a', { init: { credentialLifeMs: 3_000 } })
    const first = await renewed(node)
    const second = await renewed(node)
    expect(second).toBeGreaterThan(first)
    expect(second - node.renewal.claims.iat).toBeLessThanOrEqual(4)
  })

  it('that is over is renewed as the first thing after a long absence; its owner gets nothing else before', async () => {
    const { clock, advance } = movableClock()
    const nodes = await startGroup(3, { clock })
    const [away, other] = followersOf(nodes)
    const { dir, peer } = away
    const leader = leaderOf(nodes)
    await away.stop()
    advance(CREDENTIAL_LIFE_MS + DAY_MS)
    const done = Promise.all([leader, other].map(renewed))
    for (const each of [leader, other]) each.renewal.look()
    await done
    // Its own renewal is held back, so that what it may do meanwhile can be seen.
    const back = await startNode(dir, { clock, init: { credentialLifeMs: 1 } })
    await until(leader, () => leader.mesh.peers().some((up) => up.peer === peer))
    await until(back, () => back.standing.canRenew())
    expect(leader.standing.isStale(peer)).toBe(true)
    const read = back.control.call(leader.peer, 'system5:read-index', new Uint8Array(), { deadlineMs: 20_000 })
    await expect(read).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_CREDENTIAL_OVER' })
    await back.stop()
    const again = await startNode(dir, { clock })
    await expect.poll(() => again.renewal.claims.exp * 1_000).toBeGreaterThan(clock.wallMs())
    await expect(again.decisions.current(30_000)).resolves.toBeDefined()
  })

  it('of every member is over when all come back after a long time: they renew one another, and the group decides', async () => {
    const { clock, advance } = movableClock()
    const nodes = await startGroup(3, { clock })
    const places = nodes.map((node) => [node.dir, sameAddresses(node)] as const)
    await Promise.all(nodes.map((node) => node.stop()))
    advance(CREDENTIAL_LIFE_MS + DAY_MS)
    const back = await Promise.all(places.map(([dir, same]) => startNode(dir, { clock, ...same })))
    for (const node of back) {
      await expect.poll(() => node.renewal.claims.exp * 1_000, { timeout: 30_000 }).toBeGreaterThan(clock.wallMs())
    }
    await expect(back[0]?.decisions.current(30_000)).resolves.toBeDefined()
  })

  it('that is over does not stop its owner among members that know it, while too few voters are there to renew it', async () => {
    const { clock, advance } = movableClock()
    const nodes = await startGroup(3, { clock })
    const leader = leaderOf(nodes)
    const stale = await joinNode(leader, 'd', { clock })
    await until(stale, () => stale.log.state?.members.has(stale.peer) === true)
    const [first, last] = followersOf(nodes)
    await expect.poll(() => last.standing.claimsOf(stale.peer)).toBeDefined()
    await Promise.all([leader.stop(), first.stop()])
    advance(CREDENTIAL_LIFE_MS + DAY_MS)
    await expect.poll(() => last.standing.canRenew()).toBe(false)
    expect(last.standing.isStale(stale.peer)).toBe(true)
    expect(last.standing.serves(stale.peer)).toBe(true)
    const asked = stale.control.call(last.peer, 'system5:read-index', new Uint8Array(), { deadlineMs: 2_000 })
    await expect(asked).rejects.not.toMatchObject({ remoteCode: 'VSMCP_NODE_CREDENTIAL_OVER' })
  })

  it('is not renewed for whom the docket does not list', async () => {
    const nodes = await startGroup(3)
    const [node, leaver] = followersOf(nodes)
    const member = leaver.log.state?.members.get(leaver.peer)
    if (member === undefined) throw new Error('it was a member')
    await expect(node.credentials.issue('12D3KooWNobody', member)).rejects.toThrow()
    const asked = node.credentials.issue(leaver.peer, { ...member, role: 'edge' })
    await expect(asked).rejects.toMatchObject({ code: 'VSMCP_SECURITY_CREDENTIAL_SIGNATURES' })
  })

  it('of who calls itself the delegate of a group counts for a day, and is not renewed without papers of that group', async () => {
    const { clock, advance } = movableClock()
    const nodes = await startGroup(3, { clock })
    const [node, other] = followersOf(nodes)
    const leader = leaderOf(nodes)
    const place = { id: 'plant', name: 'plant', charterDigest: '0'.repeat(64), move: 1, levels: 0 }
    await node.decisions.decide({ op: 'group:await', ...place, asDelegate: true })
    const listed = () => nodes.every(({ log }) => log.state?.members.get(node.peer)?.delegateOf === place.id)
    await expect.poll(listed).toBe(true)
    const member = node.log.state?.members.get(node.peer)
    if (member === undefined) throw new Error('it is a member')
    for (const passport of [undefined, await node.trust.passport(), new Uint8Array(64)]) {
      const asked = node.credentials.issue(node.peer, member, passport)
      await expect(asked).rejects.toMatchObject({ code: 'VSMCP_SECURITY_CREDENTIAL_SIGNATURES' })
    }
    // Papers cost signatures to verify: who shows some without end is turned away before any is looked at.
    const show = () =>
      node.mesh.control
        .call(leader.peer, 'system5:sign-delegate', new Uint8Array(1), { deadlineMs: 5_000 })
        .catch((error: { remoteCode?: string }) => error.remoteCode)
    const answers = await Promise.all(Array.from({ length: 60 }, show))
    expect(answers.filter((code) => code === 'VSMCP_BUSY').length).toBeGreaterThan(20)
    expect(answers[0]).toBe('VSMCP_INVALID_ARGUMENT')
    // The one it has was made for 90 days.
    expect(leader.standing.serves(node.peer)).toBe(true)
    advance(DAY_MS + 2 * CLOCK_SKEW_MS)
    for (const each of [leader, other]) {
      expect(each.standing.serves(node.peer)).toBe(false)
      expect(each.readiness.isReady({ unit: 'plant', node: node.peer })).toBe(false)
    }
    expect(leader.standing.serves(other.peer)).toBe(true)
    expect(leader.readiness.isReady({ unit: 'any', node: other.peer })).toBe(true)
    const asked = node.control.call(leader.peer, 'system5:read-index', new Uint8Array(), { deadlineMs: 5_000 })
    await expect(asked).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_CREDENTIAL_OVER' })
  })
})

describe('the time by which credentials are judged', () => {
  it('never goes back, not over a restart either', async () => {
    const { clock, advance } = movableClock()
    const node = await foundMesh('a', { clock })
    advance(10 * DAY_MS)
    const latest = node.time.nowMs()
    advance(-10 * DAY_MS)
    expect(node.time.nowMs()).toBe(latest)
    await node.stop()
    expect(Number(await readFile(dataDirectory(node.dir).time, 'utf8'))).toBe(latest)
    const again = await startNode(node.dir, { clock })
    expect(again.time.nowMs()).toBe(latest)
    expect(again.time.isClockBehind).toBe(true)
  })

  it('of a clock that fell behind follows what the voters signed, so that a node without a battery comes back', async () => {
    const { clock, advance } = movableClock()
    const a = await foundMesh('a', { clock })
    const b = await joinNode(a, 'b', { clock })
    await until(b, () => b.log.state?.members.has(b.peer) === true)
    await b.stop()
    advance(76 * DAY_MS)
    const done = renewed(a)
    a.renewal.look()
    await done
    // It starts at the beginning of time, and knows only the time it kept.
    const atBoot: Clock = { ...clock, wallMs: () => 1_000 }
    const back = await startNode(b.dir, { clock: atBoot })
    await until(back, () => back.mesh.peers().some(({ peer }) => peer === a.peer))
    expect(back.time.nowMs()).toBeGreaterThanOrEqual(a.renewal.claims.iat * 1_000)
  })
})
