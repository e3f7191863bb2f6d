import { silentLogger, systemClock, VsmcpError } from '@vsmcp/kernel'
import { decodeCredentialPayload, loadIdentity } from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { UNLISTED_CREDENTIAL_AGE_MS } from '../src/constants.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import { readEnrolment } from '../src/enrol/enrolment.ts'
import { Trust } from '../src/system5/trust.ts'
import { attach } from './support/servers.ts'
import { emptyDirectory, joinNode, leaderOf, startGroup, startNode, type TestNode, tokenOf, until } from './support/group.ts'

/** Longer than a busy machine takes between letting a node in and starting it. */
const ABSENCE_MS = 5_000

async function joinFor(member: TestNode, absenceMs: number, dataDir: string): Promise<TestNode> {
  const { token } = await member.admission.invite({ role: 'member', ttlMs: 60_000, uses: 1, absenceMs })
  await joinMesh({ dataDir, token, name: 'passer-by' })
  return startNode(dataDir)
}

describe('an ephemeral member', () => {
  it('is forgotten after its absence, with its units, names and credential, and may come back with a new invitation', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const dir = await emptyDirectory()
    const passer = await joinFor(leader, ABSENCE_MS, dir)
    const { peer } = passer
    await until(passer, () => passer.log.state?.members.get(peer)?.ephemeral === true)
    await passer.units.attach(attach('kiosk', 'hostile-server', ['slow']))
    await until(leader, () => leader.log.state?.names.get('tool')?.unit === 'kiosk')
    // Its absence begins while it stops, not after.
    const left = systemClock.monotonicMs()
    await passer.stop()
    await Promise.all(nodes.map((node) => until(node, () => node.log.state?.members.has(peer) === false)))
    expect(systemClock.monotonicMs() - left).toBeGreaterThan(ABSENCE_MS)
    for (const { log, trust } of nodes) {
      expect(log.state?.units.has('kiosk')).toBe(false)
      expect(log.state?.names.has('tool')).toBe(false)
      expect(trust.hasLeft(peer)).toBe(true)
    }
    const member = { name: 'passer-by', role: 'member', zone: '', joinedAtIndex: 1, joinedAtMs: 0, addresses: [] } as const
    await expect(leader.credentials.issue(peer, member)).rejects.toMatchObject({ code: 'VSMCP_SECURITY_CREDENTIAL_SIGNATURES' })

    // It learns at the door, from a majority of the voters, that it is no member any more.
    const turnedAway = await startNode(dir)
    const removed = new Promise((resolve) => void turnedAway.wiring.on('removed', resolve))
    expect(await removed).toEqual({ evicted: false })
    await turnedAway.stop()

    const token = await tokenOf(leader)
    expect(await joinMesh({ dataDir: dir, token, name: 'passer-by' })).toMatchObject({ peerId: peer, joinedNow: true })
    const back = await startNode(dir)
    await until(
      back,
      () => back.log.state?.members.get(peer)?.ephemeral === undefined && back.log.state?.members.has(peer) === true,
    )
    expect(await joinMesh({ dataDir: dir, token, name: 'x' })).toMatchObject({ joinedNow: false })
  })

  it('that comes back in time stays, and its credential lives no longer than twice its absence', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const dir = await emptyDirectory()
    const passer = await joinFor(leader, 60_000, dir)
    const { peer } = passer
    const kept = await readEnrolment(dir)
    const { iat, exp } = decodeCredentialPayload(Buffer.from(kept?.credential.payload ?? '', 'base64url'))
    expect(exp - iat).toBeLessThanOrEqual(121)
    await passer.stop()
    const back = await startNode(dir)
    await until(back, () => back.log.status()?.leader !== undefined)
    expect((await back.decisions.current()).members.has(peer)).toBe(true)
  })

  it("that is gone is turned away as none also by who did not see it go, once its credential cannot be a newcomer's", async () => {
    const [founder] = (await startGroup(1)) as [TestNode]
    const passer = await joinFor(founder, ABSENCE_MS, await emptyDirectory())
    const regular = await joinNode(founder, 'regular')
    const identity = await loadIdentity(dataDirectory(founder.dir).identity)
    const nowMs = systemClock.wallMs()
    /** At the door of another member, by what its docket says of the one that knocks. */
    const knock = async ({ peer, trust }: TestNode, laterMs: number, isListed: boolean | undefined): Promise<string> => {
      const door = new Trust(founder.trust.enrolment, {
        dataDir: founder.dir,
        identity,
        clock: systemClock,
        logger: silentLogger,
        version: '0.0.0',
        wire: { min: 1, max: 1, level: 1 },
        addresses: () => [],
        lives: { own: founder.lives.own, check: () => {} },
        time: { nowMs: () => nowMs + laterMs, certified: () => {}, isClockBehind: false },
        standing: { shown: () => {} },
        isListed: () => isListed,
        groupLevel: () => 1,
      })
      const told = door.verifyHello(peer, await trust.passport())
      return told.then(
        () => 'let in',
        (error: unknown) => (error instanceof VsmcpError ? error.code : String(error)),
      )
    }
    const [soon, old] = [60_000, UNLISTED_CREDENTIAL_AGE_MS + 60_000]
    for (const node of [passer, regular]) expect(await knock(node, soon, false)).toBe('let in')
    expect(await knock(regular, old, false)).toBe('VSMCP_NODE_MEMBER_LEFT')
    for (const isListed of [true, undefined]) expect(await knock(regular, old, isListed)).toBe('let in')
    // Its credential lives for a minute, and 5 minutes of skew are tolerated.
    const over = 7 * 60_000
    expect(await knock(passer, over, false)).toBe('VSMCP_NODE_MEMBER_LEFT')
    expect(await knock(passer, over, undefined)).toBe('VSMCP_SECURITY_CREDENTIAL_EXPIRED')
    expect(await knock(passer, over, true)).toBe('let in')
  })

  it('is not forgotten while one of the voters that would sign still sees it', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const passer = await joinFor(leader, ABSENCE_MS, await emptyDirectory())
    const { peer } = passer
    await until(passer, () => passer.log.state?.members.has(peer) === true)
    const joinedAtIndex = passer.log.state?.members.get(peer)?.joinedAtIndex ?? 0
    const asOfMs = Math.round(systemClock.wallMs())
    const forget = { op: 'member:forget', peer, joinedAtIndex, absentSinceMs: asOfMs - ABSENCE_MS, asOfMs } as const
    const refused = await leader.decisions.propose({ ...forget, endorsements: [] })
    expect(refused).toMatchObject({ ok: false, code: 'not-endorsed' })
    await expect(leader.endorsing.forOperation(forget)).rejects.toThrow(/is alive, as seen from here|too few voters/)
    expect((await leader.decisions.current()).members.has(peer)).toBe(true)
  })
})
