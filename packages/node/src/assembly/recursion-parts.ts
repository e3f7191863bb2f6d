import type { GroupId, Plane } from '@vsmcp/kernel'
import { routeOf } from '@vsmcp/vsm'
import type { GroupParts } from '../parts.ts'
import { Beyond } from '../recursion/beyond.ts'
import { DelegateDesk } from '../recursion/delegate-desk.ts'
import { Delegates } from '../recursion/delegates.ts'
import type { Assembly } from './assembly.ts'

/** The way of calls to other groups, and back from them. */
export function recursionParts(
  { self, enrolment, group, host, clock, logger, whole }: Assembly,
  {
    trust,
    log,
    control,
    state,
    members,
    catalog,
    rpc,
  }: Pick<GroupParts, 'trust' | 'log' | 'control' | 'state' | 'members' | 'catalog'> & { rpc: Plane },
): Pick<GroupParts, 'delegates' | 'delegateDesk' | 'beyond'> {
  const { groupId } = enrolment
  const parent = (): GroupId | undefined => trust.chain.parent?.group
  const delegates = new Delegates({ state, self, isAlive: (peer) => members.isAlive(peer) })
  const beyond = new Beyond({
    group: groupId,
    parent,
    self,
    route: (question) => {
      const children = group.state?.groups.entries().map(([child]) => ({ group: child, mayHave: true })) ?? []
      return routeOf(question, { group: groupId, parent: parent(), lists: false, children })
    },
    unitOf: (child) => group.state?.groups.get(child)?.name,
    delegates: () => delegates.of(parent()),
    catalog,
    router: () => whole().router,
    rpc,
    memberships: host.memberships,
    logger: logger.child({ part: 'recursion' }),
  })
  const delegateDesk = new DelegateDesk({
    group: groupId,
    parent,
    self,
    founder: () => (trust.chain.parent === undefined ? undefined : trust.chain.eras[0]?.voters[0]),
    log,
    members,
    delegates,
    memberships: host.memberships,
    control,
    nowMs: () => clock.monotonicMs(),
    logger: logger.child({ part: 'recursion' }),
  })
  return { delegates, delegateDesk, beyond }
}
