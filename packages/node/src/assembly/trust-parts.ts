import { dataDirectory } from '../enrol/data-directory.ts'
import type { GroupParts } from '../parts.ts'
import { Lives } from '../recovery/lives.ts'
import { countsForMs } from '../system5/credential-life.ts'
import { Standing } from '../system5/standing.ts'
import { Trust } from '../system5/trust.ts'
import { TrustedTime } from '../system5/trusted-time.ts'
import { type Assembly, WIRE } from './assembly.ts'

/** Whom this node believes, and since when. */
export function trustParts(assembly: Assembly): Pick<GroupParts, 'lives' | 'time' | 'standing' | 'trust'> {
  const { init, identity, enrolment, store, clock, scopes, logger, self, group, whole, life } = assembly
  const lives = new Lives({
    kv: (namespace) => store.kv(namespace),
    self,
    clock: scopes.clock('life'),
    logger,
    ...(life && { life }),
  })
  const time = new TrustedTime({ file: dataDirectory(init.dataDir).time, clock: scopes.clock('time'), logger })
  const standing = new Standing({
    self,
    nowMs: () => time.nowMs(),
    chain: () => trust.chain,
    oldestVouching: () => trust.oldestVouching,
    countsForMs: (peer) => {
      const member = group.state?.members.get(peer)
      return group.state === undefined || member === undefined
        ? Number.POSITIVE_INFINITY
        : countsForMs(group.state.charter, member)
    },
    isUp: (peer) => whole().members.isAlive(peer),
  })
  const trust = new Trust(enrolment, {
    dataDir: init.dataDir,
    identity,
    clock,
    logger,
    version: init.version,
    wire: WIRE,
    addresses: () => whole().mesh.listenAddresses(),
    lives,
    time,
    standing,
    isListed: group.lists,
    groupLevel: () => group.state?.charter.featureLevel ?? 1,
  })
  return { lives, time, standing, trust }
}
