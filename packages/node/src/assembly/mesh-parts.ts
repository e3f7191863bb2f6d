import { FEATURE_LEVEL } from '@vsmcp/consensus'
import { messageOf } from '@vsmcp/kernel'
import { createMesh, type MeshComponents } from '@vsmcp/mesh'
import { joinServer, type VerifiedPassport } from '@vsmcp/security'
import { Discovery } from '../members/discovery.ts'
import { MemberPlane } from '../members/member-plane.ts'
import { Members } from '../members/members.ts'
import { signedAlive } from '../members/signed-alive.ts'
import type { Parts } from '../parts.ts'
import type { Assembly } from './assembly.ts'

/** Connections, and who is at the other end of them. */
export function meshParts(
  assembly: Assembly,
  { trust }: Pick<Parts, 'trust'>,
): Pick<Parts, 'mesh' | 'control' | 'members' | 'discovery'> {
  const { init, identity, enrolment, scopes, random, logger, group } = assembly
  const mesh = createMesh({
    listen: init.listen,
    advertise: init.advertise,
    featureLevel: FEATURE_LEVEL,
    ...(init.pnetKey === undefined ? {} : { pnetKey: init.pnetKey }),
    ...(init.mdns === true ? { mdnsMeshId: enrolment.meshId } : {}),
  })<VerifiedPassport>({
    privateKey: identity.privateKeyProtobuf,
    hello: { local: () => trust.passport(), verify: (peer, payload) => trust.verifyHello(peer, payload) },
    onJoin: door(assembly, trust),
    acceptsGossipFrom: group.isMember,
    clock: scopes.clock('connections'),
    random,
    logger: logger.child({ part: 'mesh' }),
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
  const discovery = new Discovery(init.bootstrap ?? [], {
    mesh,
    clock: scopes.clock('discovery'),
    random,
    logger: logger.child({ part: 'discovery' }),
  })
  return { mesh, control, members, discovery }
}

/** Answers whoever wants to join. */
function door(
  { clock, logger, self, whole }: Assembly,
  trust: Parts['trust'],
): NonNullable<MeshComponents<VerifiedPassport>['onJoin']> {
  const join = joinServer()({
    self,
    monotonicMs: () => clock.monotonicMs(),
    passport: () => trust.passport(),
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
