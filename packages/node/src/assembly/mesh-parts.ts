import { MemberPlane } from '../members/member-plane.ts'
import { Members } from '../members/members.ts'
import { signedAlive } from '../members/signed-alive.ts'
import type { GroupParts } from '../parts.ts'
import type { Assembly } from './assembly.ts'

/** Connections, and who is at the other end of them. */
export function meshParts(
  assembly: Assembly,
  { trust }: Pick<GroupParts, 'trust'>,
): Pick<GroupParts, 'mesh' | 'control' | 'members'> {
  const { identity, enrolment, scopes, random, logger, group, host, whole } = assembly
  const mesh = host.hostMesh.open({
    group: enrolment.groupId,
    passport: () => trust.passport(),
    verify: (peer, payload) => trust.verifyHello(peer, payload),
    isMember: group.isMember,
    redeem: (request) => whole().admission.redeem(request),
    assertLevel: (level) => trust.assertLevel(level),
  })
  const control = new MemberPlane(mesh.control, group.isServed, group.isInForce)
  const members = new Members({
    mesh,
    control,
    alive: signedAlive(identity, enrolment),
    isListed: group.isServed,
    clock: scopes.clock('membership'),
    random,
    logger,
  })
  return { mesh, control, members }
}
