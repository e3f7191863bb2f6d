import { FEATURE_LEVEL, NO_AUTHORITY } from '@vsmcp/consensus'
import { seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createMesh, type Mesh } from '@vsmcp/mesh'
import {
  type VerifiedPassport,
  decodePassport,
  decodeToken,
  encodePassport,
  generateIdentity,
  joinerSession,
  runJoin,
} from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { Expulsion } from '../src/system5/expulsion.ts'
import { foundMesh, joinNode, tokenOf } from './support/group.ts'

const nobody = async (): Promise<never> => {
  throw new Error('no member')
}

describe('a program that is too old for the group', () => {
  it('is not let in, is told why, and spends no use of its invitation', async () => {
    const member = await foundMesh()
    const invitation = decodeToken(await tokenOf(member))
    const identity = generateIdentity()
    const mesh = createMesh({ listen: [] })({
      privateKey: identity.privateKeyProtobuf,
      hello: { local: nobody, verify: nobody },
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    })
    await mesh.start()
    // As releases of level 1 ask, which say no level.
    const joining = mesh.join(invitation.addresses, {}, (exchange, peer) => {
      const session = joinerSession({ invitation, self: identity.peerId, name: 'old', addresses: [] })
      return runJoin(session, peer, exchange, () => systemClock.wallMs())
    })
    await expect(joining).rejects.toMatchObject({
      remoteCode: 'VSMCP_NODE_FEATURE_LEVEL',
      message: expect.stringContaining(`supports feature level 1, and this group is at ${FEATURE_LEVEL}`) as string,
    })
    await mesh.stop()
    expect(member.log.state?.invitations.get(invitation.id)?.used).toBe(0)
    expect(member.log.state?.members.size).toBe(1)
  })

  it('is cut off when the level is raised while it is connected, before it passes over what it cannot read', async () => {
    const node = await foundMesh()
    const peersOf = (levels: Record<string, number>) =>
      Object.entries(levels).map(([peer, level]) => ({ peer, info: { passport: { wire: { level } } } }))
    const cut: string[] = []
    const hangUp = async (peer: string): Promise<void> => void cut.push(peer)
    const mesh = {
      peerId: node.peer,
      on() {},
      peers: () => peersOf({ old: FEATURE_LEVEL - 1, new: FEATURE_LEVEL }),
      hangUp,
    } as unknown as Mesh<VerifiedPassport>
    const { log, trust, control } = node
    const authority = NO_AUTHORITY
    const expulsion = new Expulsion({
      mesh,
      log,
      trust,
      authority,
      control: { ...control, onNotice() {} },
      clock: systemClock,
      logger: silentLogger,
    })
    expulsion.follow([{ type: 'feature:raised', level: FEATURE_LEVEL }], new Uint8Array())
    expect(cut).toEqual(['old'])
    expulsion.install()
    expect(cut).toEqual(['old', 'old'])
  })

  it('is refused at the hello, though it is a member with a good credential', async () => {
    const a = await foundMesh()
    const b = await joinNode(a, 'b')
    const passport = decodePassport(await b.trust.passport())
    const old = encodePassport({ ...passport, wire: { ...passport.wire, level: 1 } })
    await expect(a.trust.verifyHello(b.peer, old)).rejects.toMatchObject({ code: 'VSMCP_NODE_FEATURE_LEVEL' })
    await expect(a.trust.verifyHello(b.peer, encodePassport(passport))).resolves.toBeDefined()
  })
})
