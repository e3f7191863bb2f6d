import { isProvider } from '@vsmcp/consensus'
import { verify } from '@vsmcp/security'
import { createSharedState } from '@vsmcp/state'
import { ReportJudge, topicsOf } from '@vsmcp/vsm'
import { Catalog } from '../catalog/catalog.ts'
import { UNITS_COLLECTION } from '../catalog/published-unit.ts'
import { Fallbacks, FALLBACKS_COLLECTION } from '../degradation/fallbacks.ts'
import { MemberClocks } from '../members/member-clocks.ts'
import type { GroupParts } from '../parts.ts'
import { Office } from '../system5/office.ts'
import { GroupSignals } from '../topics/group-signals.ts'
import type { Assembly } from './assembly.ts'

/** Written by who has the unit, alone. */
const OF_UNITS: ReadonlySet<string> = new Set([UNITS_COLLECTION, FALLBACKS_COLLECTION])

/** What all nodes hold and tell one another: the shared document, what it offers, the topics. */
export function stateParts(
  assembly: Assembly,
  { mesh, log }: Pick<GroupParts, 'mesh' | 'log'>,
): Pick<GroupParts, 'state' | 'fallbacks' | 'catalog' | 'signals' | 'clocks' | 'reportJudge' | 'office'> {
  const { identity, enrolment, store, clock, scopes, random, logger, self, group } = assembly
  const topics = topicsOf(enrolment.meshId, enrolment.groupId)
  const state = createSharedState({
    topic: topics.state,
    mayWrite: (collection, key, writer) =>
      !OF_UNITS.has(collection) || (group.state !== undefined && isProvider(group.state, key, writer)),
  })({
    plane: mesh.state,
    gossip: mesh.gossip,
    store: store.kv('state'),
    signer: identity,
    verify,
    isMember: group.isMember,
    clock: scopes.clock('shared state'),
    random,
    logger: logger.child({ part: 'state' }),
  })
  const catalog = new Catalog({ state, group: () => group.state, logger })
  const reportJudge = new ReportJudge()
  const signals = new GroupSignals({
    gossip: mesh.gossip,
    topics,
    self,
    isMember: group.isMember,
    reportJudge,
    isHost: (unit, node) => group.state !== undefined && isProvider(group.state, unit, node),
    clock: scopes.clock('signals'),
    logger,
  })
  const inOffice = scopes.of('office')
  const office = new Office({ self, log: inOffice.hears(log), signals: inOffice.hears(signals), clock: inOffice.clock })
  const clocks = new MemberClocks({ self, signals, clock })
  const fallbacks = new Fallbacks({ state, group: () => group.state, self, logger })
  return { state, fallbacks, catalog, signals, clocks, reportJudge, office }
}
