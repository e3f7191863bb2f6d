import { LINKS_BESIDE_ANCHOR } from '@vsmcp/consensus'
import { decodePassport, encodeChain, isAnchored } from '@vsmcp/security'
import { expect, it } from 'vitest'
import { meshKeyFile, readAnchorFile, signAnchorOf, writeAnchorFile } from '../src/charter/anchor-file.ts'
import { readCharterFile } from '../src/charter/charter-file.ts'
import { newOperatorKey } from '../src/charter/operator-signer.ts'
import { requireEnrolment } from '../src/enrol/enrolment.ts'
import { AnchorFileError } from '../src/errors.ts'
import { emptyDirectory, foundMesh, joinNode, sameAddresses, startNode, type TestNode, until } from './support/group.ts'
import { deskOf, operatorOf, why } from './support/operator.ts'

/** Changes the recovery keys so many times: each is one link of the chain. */
async function wear(founder: TestNode, changes: number): Promise<void> {
  const desk = deskOf(founder)
  const operator = await operatorOf(founder)
  const publicKey = await newOperatorKey(`${founder.dir}/maria-${founder.log.applied}.key`)
  for (let at = 0; at < changes; at++) {
    const { operatorsVersion: expects } = await desk.show()
    const { length } = founder.trust.chain.links
    const maria = { name: 'maria', expects, ...why } as const
    await desk.change(
      at % 2 === 0
        ? operator.sign({ op: 'operator:add', publicKey, recovery: true, ...maria } as const)
        : operator.sign({ op: 'operator:remove', ...maria } as const),
    )
    await until(founder, () => founder.trust.chain.links.length > length)
  }
}

it('an anchor shortens the chain of a running group, and who was away since long before it comes back and has its credential renewed', async () => {
  const founder = await foundMesh()
  // Who joins now is vouched for by voters that the anchor takes out of the chain.
  await wear(founder, 2)
  const member = await joinNode(founder, 'b')
  await until(founder, () => founder.log.state?.members.has(member.peer) === true)
  await until(member, () => member.log.state?.members.has(member.peer) === true)
  await member.stop()
  await wear(founder, LINKS_BESIDE_ANCHOR + 2)
  const desk = deskOf(founder)
  const { file } = await desk.export()
  const signed = await signAnchorOf(file, meshKeyFile(founder.dir))
  expect(signed).toMatchObject({ group: { path: '/' }, epoch: 1, links: LINKS_BESIDE_ANCHOR + 4, voters: [founder.peer] })
  const anchor = readAnchorFile(writeAnchorFile(signed))
  await expect(desk.anchor(anchor.slice(0, -8))).rejects.toMatchObject({ details: { reason: 'anchor-forged' } })
  expect(await desk.anchor(anchor)).toEqual({ changed: true, links: LINKS_BESIDE_ANCHOR + 1 })
  expect(await desk.anchor(anchor)).toEqual({ changed: false, links: LINKS_BESIDE_ANCHOR + 1 })
  await until(founder, () => isAnchored(founder.trust.chain))
  expect(founder.trust.chain.links).toHaveLength(LINKS_BESIDE_ANCHOR + 1)
  expect(readCharterFile((await desk.export()).file, { mesh: signed.mesh.id }).index).toBe(founder.trust.chain.index)

  const back = await startNode(member.dir)
  await until(back, () => isAnchored(back.trust.chain) && back.trust.enrolment.signers === undefined)
  expect(encodeChain(back.trust.chain)).toEqual(encodeChain(founder.trust.chain))
  await until(back, () => back.log.state?.links.length === LINKS_BESIDE_ANCHOR + 1)
  // The chain goes on behind the anchor, for both, and lasts over a restart.
  await wear(founder, 1)
  await until(back, () => back.trust.chain.links.length === LINKS_BESIDE_ANCHOR + 2)
  await back.stop()
  expect((await requireEnrolment(back.dir)).chain.eras).toEqual(founder.trust.chain.eras)
})

it('a member that hears of an anchor and is cut off before its credential is renewed shows it with the voters that signed it', async () => {
  const founder = await foundMesh()
  await wear(founder, 2)
  const member = await joinNode(founder, 'b')
  await until(founder, () => founder.log.state?.members.has(member.peer) === true)
  await until(member, () => member.log.state?.members.has(member.peer) === true)
  await member.stop()
  await wear(founder, LINKS_BESIDE_ANCHOR + 2)
  const desk = deskOf(founder)
  await desk.anchor((await signAnchorOf((await desk.export()).file, meshKeyFile(founder.dir))).anchor)
  await until(founder, () => isAnchored(founder.trust.chain))
  const where = sameAddresses(founder)
  await founder.stop()

  const alone = await startNode(member.dir)
  expect(alone.trust.learnChain(founder.peer, founder.trust.chain)).toBe(true)
  expect(alone.trust.enrolment.signers?.links).toHaveLength(2)
  await alone.trust.written()
  await alone.stop()
  await startNode(founder.dir, where)
  const back = await startNode(member.dir)
  expect(isAnchored(back.trust.chain)).toBe(true)
  await until(back, () => back.trust.enrolment.signers === undefined)
  expect(isAnchored(decodePassport(await back.trust.passport()))).toBe(true)
})

it('an anchor is signed by the key of its mesh only, for a charter that proves itself, and read from a whole file only', async () => {
  const founder = await foundMesh()
  const other = await foundMesh()
  const { file } = await deskOf(founder).export()
  const code = (error: { code: string }): string => error.code
  expect(await signAnchorOf(file, meshKeyFile(other.dir)).catch(code)).toBe('VSMCP_SECURITY_ANCHOR_KEY_FOREIGN')
  expect(await signAnchorOf(file, meshKeyFile(founder.dir)).catch(code)).toBe('VSMCP_SECURITY_ANCHOR_NEEDLESS')
  expect(await signAnchorOf(file, meshKeyFile(await emptyDirectory())).catch(code)).toBe('VSMCP_SECURITY_KEY_MISSING')
  expect(await signAnchorOf(file.slice(0, -40), meshKeyFile(founder.dir)).catch(code)).toBe('VSMCP_NODE_CHARTER_FILE')
  for (const text of ['', '{"format":"vsmcp anchor 1"', '{"format":"vsmcp charter 1","anchor":"AA"}']) {
    expect(() => readAnchorFile(text)).toThrow(AnchorFileError)
  }
})
