import type { GroupState } from '@vsmcp/consensus'
import type { GroupId, Plane } from '@vsmcp/kernel'
import type { GroupParts } from '../parts.ts'
import { Beyond } from '../recursion/beyond.ts'
import { DelegateDesk } from '../recursion/delegate-desk.ts'
import { Delegates } from '../recursion/delegates.ts'
import { Foreigners } from '../recursion/foreigners.ts'
import { FromAbove } from '../recursion/from-above.ts'
import { GroupRecords } from '../recursion/group-records.ts'
import { NeighbourChains } from '../recursion/neighbour-chains.ts'
import { NeighboursMemory } from '../recursion/neighbours-memory.ts'
import { founderOf, OwnAccount } from '../recursion/own-account.ts'
import { OwnPlace } from '../recursion/own-place.ts'
import type { Assembly } from './assembly.ts'

/** The way of calls to other groups, and back from them. */
export function recursionParts(
  assembly: Assembly,
  beneath: Pick<GroupParts, 'trust' | 'log' | 'control' | 'state' | 'members' | 'catalog' | 'mesh' | 'operations' | 'variety'> & {
    rpc: Plane
  },
): Pick<GroupParts, 'place' | 'delegates' | 'delegateDesk' | 'beyond' | 'records'> {
  const { self, enrolment, group, host, clock, logger, whole } = assembly
  const { trust, log, control, state, members, catalog, rpc } = beneath
  const { groupId } = enrolment
  const place = new OwnPlace({
    chain: () => trust.chain,
    state: () => group.state,
    heard: () => records.recursion.parent,
  })
  const parent = (): GroupId | undefined => place.parent
  const delegates = new Delegates({ state, self, isAlive: (peer) => members.isAlive(peer) })
  const records: GroupRecords = recordParts(assembly, { ...beneath, place, delegates })
  const beyond = new Beyond({
    group: groupId,
    parent,
    self,
    route: (question) => {
      return records.recursion.route(question, false, parent(), childrenHere(group.state))
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
    founder: () => founderOf(trust.chain),
    log,
    members,
    delegates,
    memberships: host.memberships,
    control,
    nowMs: () => clock.monotonicMs(),
    logger: logger.child({ part: 'recursion' }),
  })
  return { place, delegates, delegateDesk, beyond, records }
}

/** Not those that a place is kept for. */
function childrenHere(state: GroupState | undefined): GroupId[] {
  return state?.groups.entries().flatMap(([id, { awaited }]) => (awaited === true ? [] : [id])) ?? []
}

/** What is said of this group above and below it, and heard of those groups. */
function recordParts(
  { self, identity, enrolment, scopes, host, group, store, logger, whole }: Assembly,
  {
    trust,
    log,
    control,
    state,
    members,
    catalog,
    mesh,
    operations,
    variety,
    place,
    delegates,
  }: Pick<
    GroupParts,
    'trust' | 'log' | 'control' | 'state' | 'members' | 'catalog' | 'mesh' | 'operations' | 'variety' | 'place' | 'delegates'
  >,
): GroupRecords {
  const { meshId, groupId } = enrolment
  const scope = scopes.of('records')
  const aside = logger.child({ part: 'recursion' })
  const chain = () => trust.chain
  const memory = new NeighboursMemory({ kv: store.kv('recursion'), logger: aside })
  const records = new GroupRecords({
    identity,
    mesh: meshId,
    group: groupId,
    place,
    log: scope.hears(log),
    members,
    state: scope.hears(state),
    delegates,
    memberships: host.memberships,
    chains: new NeighbourChains({
      mesh: meshId,
      founding: () => trust.chain.parent,
      state,
      clock: scope.clock,
      onLearned: (learned) => memory.heardChain(learned, whole().time.nowMs()),
      logger: aside,
    }),
    account: new OwnAccount({
      self,
      group: groupId,
      chain,
      place,
      catalog,
      operations,
      variety,
      members,
      clock: scope.clock,
      logger: aside,
    }),
    fromAbove: new FromAbove({
      state: () => group.state,
      told: () => records.recursion.told,
      sight: () => whole().effects,
      missed: () => whole().performance.groupExceptions((node) => members.isAlive(node)),
      algedonic: () => whole().algedonic,
      clock: scope.clock,
      logger: aside,
    }),
    memory,
    isInForce: group.isInForce,
    foreigners: new Foreigners({ lineage: () => place.lineage, group: () => group.state, trust, mesh, logger: aside }),
    control,
    clock: scope.clock,
    logger: aside,
  })
  return records
}
