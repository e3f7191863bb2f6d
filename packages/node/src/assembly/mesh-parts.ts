import { messageOf, ROOT_GROUP_ID } from '@vsmcp/kernel'
import { JoinOtherGroupError, joinServer } from '@vsmcp/security'
import { MemberPlane } from '../members/member-plane.ts'
import { Members } from '../members/members.ts'
import { signedAlive } from '../members/signed-alive.ts'
import type { GroupParts } from '../parts.ts'
import type { SeatDoor } from '../seats/host-mesh.ts'
import type { Assembly } from './assembly.ts'

/** Connections, and who is at the other end of them. */
export function meshParts(
  assembly: Assembly,
  { trust }: Pick<GroupParts, 'trust'>,
): Pick<GroupParts, 'mesh' | 'control' | 'members'> {
  const { identity, enrolment, scopes, random, logger, group, host } = assembly
  const mesh = host.hostMesh.open({
    group: enrolment.groupId,
    passport: () => trust.passport(),
    verify: (peer, payload) => trust.verifyHello(peer, payload),
    isMember: group.isMember,
    join: door(assembly, trust),
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

/** Answers whoever wants to join. */
function door({ clock, enrolment, logger, self, whole }: Assembly, trust: GroupParts['trust']): SeatDoor['join'] {
  const join = joinServer()({
    self,
    monotonicMs: () => clock.monotonicMs(),
    passport: (group = ROOT_GROUP_ID) => {
      if (group === enrolment.groupId) return trust.passport()
      throw new JoinOtherGroupError(`this node has no seat in group ${group}, which the invitation is to`, {
        hint: 'Try another address of the invitation, or ask for a new token: `vsmcp invite` on a member of that group.',
      })
    },
    redeem: (request) => whole().admission.redeem(request),
    assertLevel: (level) => trust.assertLevel(level),
  })
  return async (peer, exchange, address) => {
    const outcome = await join(peer, exchange, address)
    if (outcome.joined) logger.info({ peer, address, name: outcome.claims.name }, 'a node joined')
    else {
      const { code, message, cause } = outcome
      logger.info({ peer, address, code, message, cause: messageOf(cause) }, 'a node was not let in')
    }
  }
}
