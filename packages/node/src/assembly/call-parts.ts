import { Routing } from '@vsmcp/vsm'
import { alertTool } from '../algedonic/alert-tool.ts'
import { MemberPlane } from '../members/member-plane.ts'
import { ReachingPlane } from '../members/reaching-plane.ts'
import type { GroupParts } from '../parts.ts'
import { OwnOffers } from '../route/own-offers.ts'
import { Router } from '../route/router.ts'
import { Degradation } from '../degradation/degradation.ts'
import { LocalUnits } from '../system1/local-units.ts'
import { Operations } from '../system1/operations.ts'
import { Readiness } from '../system1/readiness.ts'
import { UnitNameClaims } from '../system1/unit-name-claims.ts'
import { UnitPublisher } from '../system1/unit-publisher.ts'
import { UnitSpecs } from '../system1/unit-specs.ts'
import { Bargaining } from '../system3/bargaining.ts'
import { Performance } from '../system3/performance.ts'
import { ProviderWeights } from '../system3/provider-weights.ts'
import { Auditing } from '../system3star/auditing.ts'
import { ClaimDesk } from '../system2/claim-desk.ts'
import { claimHolders } from '../system2/claim-holders.ts'
import { Checkpoint } from '../tree/checkpoint.ts'
import { AUDITS, BARGAIN, PERFORMANCE, VARIETY } from '../tree/checkpoints.ts'
import { NodeDamper } from '../system2/damper.ts'
import { Scanner } from '../system4/scanner.ts'
import { Reports } from '../topics/reports.ts'
import { recursionParts } from './recursion-parts.ts'
import { algedonicParts } from './algedonic-parts.ts'
import { CallVariety } from '../variety/call-variety.ts'
import { type Assembly, serverNameOf } from './assembly.ts'

type Beneath = Pick<
  GroupParts,
  | 'lives'
  | 'trust'
  | 'mesh'
  | 'members'
  | 'control'
  | 'log'
  | 'decisions'
  | 'sessionKeys'
  | 'state'
  | 'catalog'
  | 'signals'
  | 'clocks'
  | 'fallbacks'
  | 'reportJudge'
>
type Feeling = ReturnType<typeof algedonicParts>
type Watching = Pick<GroupParts, 'variety' | 'scanner'>
type Controlling = Pick<GroupParts, 'performance' | 'auditing'>
type Working = Pick<GroupParts, 'publisher' | 'units' | 'operations' | 'bargaining'>

/** System 1: the units attached here, the way of a call to any unit, and what is reported of them. */
export function callParts(
  assembly: Assembly,
  beneath: Beneath,
): Working &
  Feeling &
  Watching &
  Controlling &
  Pick<
    GroupParts,
    | 'claims'
    | 'degradation'
    | 'own'
    | 'readiness'
    | 'weights'
    | 'place'
    | 'delegates'
    | 'delegateDesk'
    | 'beyond'
    | 'records'
    | 'router'
    | 'reports'
  > {
  const { scopes, clock, logger, self, group, store } = assembly
  const { mesh, members, log, catalog, signals } = beneath
  const working = unitParts(assembly, beneath)
  const { units, operations } = working
  const claims = new ClaimDesk({
    self,
    log,
    decisions: beneath.decisions,
    claimsOf: (unit) => units.claimsOf(unit),
    kv: store.kv('claims'),
    clock: scopes.clock('claims'),
    logger: logger.child({ part: 'system2' }),
  })
  units.on('unit:gone', ({ name }) => claims.close(name))
  const watching = watchingParts(assembly, beneath, units)
  const { variety, scanner } = watching
  const feeling = algedonicParts(assembly, { ...beneath, units, operations })
  const limiting = scopes.of('degradation')
  const degradation = new Degradation({
    ...beneath,
    ...working,
    self,
    log: limiting.hears(log, { isUrgent: true }),
    algedonic: feeling.algedonic,
    clock: limiting.clock,
    logger: logger.child({ part: 'system3' }),
  })
  const scanning = scopes.of('scanner')
  const own = new OwnOffers([alertTool(feeling.alerts)])
  const { readiness, weights, routing } = routingParts(assembly, { ...beneath, units, operations })
  const rpc = new ReachingPlane({ plane: new MemberPlane(mesh.rpc, group.isServed, group.isInForce), members, clock })
  const recursion = recursionParts(assembly, { ...beneath, operations, variety, rpc })
  const { beyond } = recursion
  const router = new Router({
    clock,
    self,
    catalog,
    units,
    claims,
    rpc,
    beyond,
    degradation,
    bargaining: working.bargaining,
    fallbacks: beneath.fallbacks,
    own,
    routing,
    watch: {
      called: (call) => void scopes.of('variety').deliver(() => variety.called(call)),
      asked: (unit) => {
        const ended = scanning.asked(() => scanner.asked(unit))
        return (isServed) => scanning.asked(() => ended?.(isServed))
      },
      returned: (from, call) => void scopes.of('audits').deliver(() => controlling.auditing.called(from, call)),
    },
  })
  const controlling = controlParts(assembly, { ...beneath, ...working, ...feeling, router })
  const { performance } = controlling
  const reporting = scopes.of('reports')
  const reports = new Reports({
    self,
    signals,
    units: reporting.hears(units),
    router,
    operations,
    performance,
    log: reporting.hears(log),
    clock: reporting.clock,
  })
  return {
    ...working,
    ...watching,
    ...feeling,
    ...controlling,
    claims,
    degradation,
    own,
    readiness,
    weights,
    ...recursion,
    router,
    reports,
  }
}

/** Who is asked of those that run the same unit. */
function routingParts(
  { scopes, random, logger, self, group }: Assembly,
  parts: Beneath & Pick<GroupParts, 'units' | 'operations'>,
): Pick<GroupParts, 'readiness' | 'weights'> & { routing: Routing } {
  const { units, members, state } = parts
  const readiness = new Readiness({ self, units, members, state, isInForce: group.isInForce })
  const weights = new ProviderWeights(
    { damp: new NodeDamper(random).damp },
    { ...parts, self, routing: () => routing, clock: scopes.clock('synergy'), logger: logger.child({ part: 'system3' }) },
  )
  const routing = new Routing({
    self,
    isReady: (at) => readiness.isReady(at),
    isSaturated: (unit) => units.isSaturated(unit),
    weightOf: (unit, node) => weights.weightOf(unit, node),
    holdersOf: (unit, nodes) => claimHolders(group.state, unit, nodes),
    random,
  })
  return { readiness, weights, routing }
}

/** System 3's watch over its units, and System 3*'s over those of others. */
function controlParts(
  { init, scopes, store, clock, logger, self, group, whole }: Assembly,
  parts: Beneath & Pick<GroupParts, 'units' | 'operations' | 'bargaining' | 'algedonic' | 'router' | 'reportJudge'>,
): Controlling {
  const kv = store.kv('checkpoints')
  const watching = scopes.of('performance')
  const performance = new Performance({
    ...parts,
    self,
    units: watching.hears(parts.units),
    operations: watching.hears(parts.operations),
    signals: watching.hears(parts.signals),
    checkpoint: new Checkpoint(PERFORMANCE, { kv, scope: watching, logger }),
    wallMs: () => clock.wallMs(),
    logger: logger.child({ part: 'system3' }),
  })
  const looking = scopes.of('audits')
  const auditing = new Auditing(init.auditMeanMs === undefined ? {} : { meanMs: init.auditMeanMs }, {
    ...parts,
    self,
    group: () => group.state,
    isPaused: () => whole().degradation.isReduced,
    signals: looking.hears(parts.signals),
    checkpoint: new Checkpoint(AUDITS, { kv, scope: looking, logger }),
    clock: looking.clock,
    logger: logger.child({ part: 'system3*' }),
  })
  return { performance, auditing }
}

/** What hears of calls, and what is made of it. */
function watchingParts(assembly: Assembly, { members, control, catalog }: Beneath, units: LocalUnits): Watching {
  const { store, scopes, logger, self, enrolment, whole } = assembly
  const name = (): string => enrolment.name
  const isPaused = (): boolean => whole().degradation.isReduced
  const scanning = scopes.of('scanner')
  const scanner = new Scanner({
    self,
    name,
    units: scanning.hears(units),
    catalog,
    members,
    isPaused,
    kv: store.kv('outlook'),
    clock: scanning.clock,
    logger,
  })
  return {
    variety: new CallVariety({
      self,
      name,
      groupPath: enrolment.path,
      catalog,
      control,
      checkpoint: new Checkpoint(VARIETY, { kv: store.kv('checkpoints'), scope: scopes.of('variety'), logger }),
      clock: scopes.clock('variety'),
      logger,
    }),
    scanner,
  }
}

function unitParts(assembly: Assembly, { state, decisions, signals, catalog }: Beneath): Working {
  const { init, store, scopes, random, logger, self, group, host } = assembly
  const clock = scopes.clock('units')
  const publisher = new UnitPublisher({ state, group: () => group.state, self, logger })
  const units = new LocalUnits({
    ownServerName: serverNameOf(assembly),
    specs: new UnitSpecs(store.kv('units')),
    names: new UnitNameClaims({
      decisions,
      group: () => group.state,
      offerOf: (name) => catalog.units.find(({ unit }) => unit === name)?.offer,
      self,
      nameOf: group.nameOf,
    }),
    offers: publisher,
    clock,
    create: (spec) => assembly.makeUnit(spec, { clock, random, logger: logger.child({ unit: spec.name }) }),
    logger,
  })
  const measuring = scopes.of('operations')
  const operations = new Operations({
    self,
    signals: measuring.hears(signals),
    units: measuring.hears(units),
    clock: measuring.clock,
    logger,
  })
  const bargain = scopes.of('resource bargain')
  const bargaining = new Bargaining(
    { ...init.capacity, damper: new NodeDamper(random) },
    {
      units: bargain.hears(units),
      guard: host.guard,
      checkpoint: new Checkpoint(BARGAIN, { kv: store.kv('checkpoints'), scope: bargain, logger }),
      clock: bargain.clock,
      logger: logger.child({ part: 'system3' }),
    },
  )
  return { publisher, units, operations, bargaining }
}
