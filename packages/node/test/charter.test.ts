import { foundGroup, Table } from '@vsmcp/consensus'
import {
  childCharter,
  combineGroupGrant,
  flawOfChild,
  GroupNotListedError,
  groupToGrant,
  loadIdentity,
  orThrow,
  signGroupGrant,
  verifyChain,
} from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { readCharterFile, writeCharterFile } from '../src/charter/charter-file.ts'
import { newOperatorKey, operatorSigner } from '../src/charter/operator-signer.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { OperatorUnknownError, RefusedError, VersionDiffersError } from '../src/errors.ts'
import { followersOf, foundMesh, joinNode, leaderOf, startGroup, type TestNode, until } from './support/group.ts'
import { deskOf, operatorOf, policySet, why } from './support/operator.ts'

const certified = (node: TestNode): Promise<void> =>
  until(node, () => node.log.state?.charterMark?.certificate !== undefined && node.trust.nextCharter() === undefined)

describe('a change of policy', () => {
  it('signed by an operator is made by the group whoever carries it, certified, and remembered with author and reason', async () => {
    const nodes = await startGroup(3)
    const [founder] = nodes as [TestNode]
    const [carrier] = followersOf(nodes)
    const operator = await operatorOf(founder)
    await deskOf(carrier).change(policySet(operator, { retries: 2 }, 1))
    await Promise.all(nodes.map((node) => certified(node)))
    const view = await deskOf(carrier).show()
    expect(view).toMatchObject({ policies: { retries: 2 }, policyVersion: 2, certifiedBy: 'certificate', current: true })
    expect(view.policyHistory).toMatchObject([{ version: 2, by: 'operator', reason: why.reason }])
    const digests = await Promise.all(nodes.map(async (node) => (await deskOf(node).show()).digest))
    expect(new Set(digests).size).toBe(1)
  })

  it('that follows another version than the one in force is refused, and made once when asked twice', async () => {
    const founder = await foundMesh()
    const operator = await operatorOf(founder)
    const desk = deskOf(founder)
    const first = policySet(operator, { a: 1 }, 1)
    expect(await desk.change(first)).toEqual({ changed: true })
    expect(await desk.change(first)).toEqual({ changed: false })
    await expect(desk.change(policySet(operator, { a: 2 }, 1))).rejects.toThrow(VersionDiffersError)
    expect((await desk.show()).policies).toEqual({ a: 1 })
  })

  it('that was altered on the way, or is signed by a key the charter does not name, is refused by the group', async () => {
    const founder = await foundMesh()
    const operator = await operatorOf(founder)
    const desk = deskOf(founder)
    await expect(desk.change({ ...policySet(operator, { a: 1 }, 1), reason: 'another' })).rejects.toThrow(RefusedError)
    const file = `${founder.dir}/stranger.key`
    await newOperatorKey(file)
    await expect(operatorSigner(file, await desk.show())).rejects.toThrow(OperatorUnknownError)
    expect(await desk.show()).toMatchObject({ policies: {}, policyVersion: 1 })
  })
})

describe('operators', () => {
  it('name each other; who is removed signs in vain, and the last one goes only by the mesh key', async () => {
    const founder = await foundMesh()
    const desk = deskOf(founder)
    const first = await operatorOf(founder)
    const file = `${founder.dir}/second.key`
    const publicKey = await newOperatorKey(file)
    await desk.change(first.sign({ op: 'operator:add', name: 'second', publicKey, expects: 1, ...why } as const))
    const second = await operatorSigner(file, await desk.show())
    await desk.change(second.sign({ op: 'operator:remove', name: 'operator', expects: 2, ...why } as const))
    await expect(desk.change(policySet(first, { a: 1 }, 1))).rejects.toMatchObject({ details: { reason: 'operator-unknown' } })
    const last = { op: 'operator:remove', name: 'second', expects: 3, ...why } as const
    await expect(desk.change(second.sign(last))).rejects.toMatchObject({ details: { reason: 'operator-last' } })
    const meshKey = await operatorSigner(`${founder.dir}/mesh.key`, await desk.show())
    await desk.change(meshKey.sign(last))
    expect((await desk.show()).operators).toEqual([])
  })
})

describe('an exported charter', () => {
  async function exported(): Promise<{ text: string; founder: TestNode; before: string; linked: string; meshId: string }> {
    const founder = await foundMesh()
    const first = await deskOf(founder).export()
    const nodes = [founder, ...(await joinTwo(founder))]
    const linked = await deskOf(founder).export()
    await deskOf(leaderOf(nodes)).change(policySet(await operatorOf(founder), { a: 1 }, 1))
    await certified(founder)
    const { file } = await deskOf(founder).export()
    return { text: file, founder, before: first.file, linked: linked.file, meshId: founder.trust.enrolment.meshId }
  }

  it('is verified offline by the mesh id alone, whether the mesh key, a change of voters or a certificate vouches for it', async () => {
    const { text, before, linked, meshId } = await exported()
    expect(readCharterFile(before, { mesh: meshId })).toMatchObject({ by: 'mesh-key', index: 1 })
    expect(readCharterFile(linked, { mesh: meshId })).toMatchObject({ by: 'link' })
    const verified = readCharterFile(text, { mesh: meshId })
    expect(verified).toMatchObject({ by: 'certificate', charter: { policies: { a: 1 } } })
    expect(verified.signers.length).toBeGreaterThanOrEqual(2)
  })

  it('of a group below another is verified by the mesh id alone, too, and held against what is known of the group above', async () => {
    const founder = await foundMesh()
    const { chain: parent, enrolment } = founder.trust
    const identity = await loadIdentity(dataDirectory(founder.dir).identity)
    const parentCharter = founder.log.state?.charter
    if (parentCharter === undefined) throw new Error('no charter')
    const nonce = new Uint8Array(32)
    const { groupId, charter, bytes, digest } = childCharter({
      parent,
      parentCharter,
      name: 'plant',
      founder: founder.peer,
      nonce,
    })
    await founder.decisions.decide({ op: 'group:create', id: groupId, name: 'plant', charterDigest: digest })
    const statement = groupToGrant(parent, await founder.decisions.current(), bytes)
    const firstCharter = combineGroupGrant(parent, bytes, statement, [signGroupGrant(identity, statement)])
    const chain = orThrow(verifyChain({ meshId: enrolment.meshId, firstCharter, links: [] }))
    const record = { peer: founder.peer, name: 'a', role: 'edge', zone: '', addresses: [], joinedAtMs: 1 } as const
    const text = writeCharterFile(foundGroup(charter, record), chain)
    const known = founder.trust.chain
    expect(readCharterFile(text, { mesh: enrolment.meshId })).toMatchObject({ by: 'grant', charter: { path: '/plant', groupId } })
    expect(readCharterFile(text, { known })).toMatchObject({ by: 'grant', signers: [founder.peer] })
    expect(flawOfChild(chain, await founder.decisions.current())).toBeUndefined()
    await founder.decisions.decide({ op: 'group:remove', id: groupId })
    expect(() => groupToGrant(parent, founder.log.state ?? { groups: Table.empty() }, bytes)).toThrow(GroupNotListedError)
    expect(flawOfChild(chain, await founder.decisions.current())).toMatch(/does not list/)
  })

  it('is refused when it is altered, cut short, stale, uncertified, wrongly signed or of another mesh, each by its name', async () => {
    const { text, linked, founder, meshId } = await exported()
    const file = JSON.parse(text) as { charter: string; chain: string; certificate: string; mesh: string }
    const withCharter = (change: object): string => {
      const charter = JSON.parse(Buffer.from(file.charter, 'base64').toString()) as object
      return JSON.stringify({ ...file, charter: Buffer.from(JSON.stringify({ ...charter, ...change })).toString('base64') })
    }
    const check = (shown: string, known = {}): unknown => {
      try {
        return readCharterFile(shown, { mesh: meshId, ...known })
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(check(withCharter({ policies: { a: 2 } }))).toBe('VSMCP_SECURITY_CHARTER_UNCERTIFIED')
    expect(check(text.slice(0, -40))).toBe('VSMCP_NODE_CHARTER_FILE')
    expect(check(JSON.stringify({ ...file, certificate: null }))).toBe('VSMCP_SECURITY_CHARTER_UNCERTIFIED')
    const torn = Buffer.from(file.certificate, 'base64url')
    torn[torn.length - 5] = (torn[torn.length - 5] ?? 0) ^ 1
    expect(check(JSON.stringify({ ...file, certificate: torn.toString('base64url') }))).toBe('VSMCP_SECURITY_CERTIFICATE_FORGED')
    expect(check(linked, { atLeast: readCharterFile(text).index })).toBe('VSMCP_SECURITY_CHARTER_STALE')
    expect(check(text, { mesh: '0'.repeat(32) })).toBe('VSMCP_SECURITY_CHARTER_OTHER_MESH')
    const chain = Buffer.from(file.chain, 'base64')
    chain[chain.length - 9] = (chain[chain.length - 9] ?? 0) ^ 1
    expect(check(JSON.stringify({ ...file, chain: chain.toString('base64') }))).toMatch(/^VSMCP_SECURITY_(LINK|CHAIN)_/)
    // A node that knows better is not shown less.
    expect(check(linked, { known: founder.trust.chain })).toMatchObject({ by: 'link' })
  })
})

async function joinTwo(founder: TestNode): Promise<TestNode[]> {
  const joined = [await joinNode(founder, 'b'), await joinNode(founder, 'c')]
  await Promise.all(
    [founder, ...joined].map((node) =>
      until(node, () => node.trust.chain.voters.length === 3 && node.trust.uncertified.length === 0),
    ),
  )
  return joined
}
