import { Algedonic } from '../algedonic/algedonic.ts'
import { AlertDesk } from '../algedonic/alert-desk.ts'
import { AlertsView } from '../algedonic/alerts-view.ts'
import { ClockSense } from '../algedonic/clock-sense.ts'
import { Senses } from '../algedonic/senses.ts'
import { UnitSenses } from '../algedonic/unit-senses.ts'
import type { GroupParts } from '../parts.ts'
import { Checkpoint } from '../tree/checkpoint.ts'
import { SENSES } from '../tree/checkpoints.ts'
import type { Scope } from '../tree/scope.ts'
import type { Assembly } from './assembly.ts'

type Beneath = Pick<GroupParts, 'log' | 'decisions' | 'signals' | 'clocks' | 'units' | 'operations'>

type Feeling = Pick<GroupParts, 'algedonic' | 'alertsView' | 'alerts' | 'senses' | 'unitSenses' | 'clockSense'>

/** Pain and pleasure: what this node feels, and how System 5 hears of it. */
export function algedonicParts(assembly: Assembly, beneath: Beneath): Feeling {
  const { store, clock, scopes, random, self, group } = assembly
  const { log, decisions, signals, clocks, units, operations } = beneath
  const logger = assembly.logger.child({ part: 'algedonic' })
  const algedonic = new Algedonic({
    self,
    kv: store.kv('alerts'),
    log,
    decisions,
    signals,
    clock: scopes.clock('algedonic channel'),
    random,
    logger,
  })
  const alertsView = new AlertsView({ self, algedonic, log, signals, nameOf: group.nameOf, clock })
  const alerts = new AlertDesk({ algedonic, view: alertsView, decisions, log, clock })
  return {
    algedonic,
    alertsView,
    alerts,
    senses: sensesOf(scopes.of('senses'), { algedonic, units, log }),
    unitSenses: unitSensesOf(assembly, { algedonic, units, operations }),
    clockSense: new ClockSense({ algedonic, clocks, clock: scopes.clock('sense of clocks') }),
  }
}

/** What hurts goes before what is only measured. */
function sensesOf(scope: Scope, { algedonic, units, log }: Pick<GroupParts, 'algedonic' | 'units' | 'log'>): Senses {
  const first = { isUrgent: true }
  return new Senses({ algedonic, units: scope.hears(units, first), log: scope.hears(log, first), clock: scope.clock })
}

function unitSensesOf(
  { scopes, store, logger }: Assembly,
  heard: Pick<GroupParts, 'algedonic' | 'units' | 'operations'>,
): UnitSenses {
  const { algedonic, units, operations } = heard
  const scope = scopes.of('senses of units')
  return new UnitSenses({
    checkpoint: new Checkpoint(SENSES, { kv: store.kv('checkpoints'), scope, logger }),
    algedonic: scope.hears(algedonic),
    operations: scope.hears(operations),
    units: scope.hears(units),
  })
}
