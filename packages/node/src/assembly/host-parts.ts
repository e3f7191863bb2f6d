import { FEATURE_LEVEL } from '@vsmcp/consensus'
import type { Random } from '@vsmcp/kernel'
import { createProcessGuard } from '@vsmcp/mcp'
import { createMesh } from '@vsmcp/mesh'
import { dataDirectory } from '../enrol/data-directory.ts'
import { Discovery } from '../members/discovery.ts'
import type { HostParts } from '../parts.ts'
import { bundleOf, passportsIn } from '@vsmcp/security'
import { Memberships } from '../recursion/memberships.ts'
import type { SharedGroups } from '../seats/group-mesh.ts'
import { HostMesh } from '../seats/host-mesh.ts'
import { Simulations } from '../system4/simulations.ts'
import type { Ground } from './assembly.ts'

/** What all seats of a process share. */
export function hostParts({ init, identity, enrolment, clock, scopes, logger }: Ground, random: Random): HostParts {
  const hostMesh = new HostMesh({
    self: identity.peerId,
    create: (components) =>
      createMesh({
        listen: init.listen,
        advertise: init.advertise,
        featureLevel: FEATURE_LEVEL,
        ...(init.pnetKey === undefined ? {} : { pnetKey: init.pnetKey }),
        ...(init.mdns === true ? { mdnsMeshId: enrolment.meshId } : {}),
      })<SharedGroups>({
        privateKey: identity.privateKeyProtobuf,
        clock: scopes.clock('connections'),
        random,
        logger: logger.child({ part: 'mesh' }),
        ...components,
      }),
    passports: { bundleOf, passportsIn },
    clock,
    logger,
  })
  const guard = createProcessGuard({ dir: dataDirectory(init.dataDir).processes })({
    clock: scopes.clock('process guard'),
    random,
    logger,
  })
  const discovery = new Discovery(init.bootstrap ?? [], {
    mesh: hostMesh.mesh,
    clock: scopes.clock('discovery'),
    random,
    logger: logger.child({ part: 'discovery' }),
  })
  return { memberships: new Memberships(logger), hostMesh, guard, simulations: new Simulations(), discovery }
}
