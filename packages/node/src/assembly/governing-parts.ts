import { isProvider } from '@vsmcp/consensus'
import type { GroupParts } from '../parts.ts'
import { Directives } from '../system3/directives.ts'
import { EffectSight } from '../system5/governing/effect-sight.ts'
import { OwnGoverning } from '../system5/governing/own-governing.ts'
import { ProposalDesk } from '../system5/governing/proposal-desk.ts'
import { Proposing } from '../system5/governing/proposing.ts'
import type { Assembly } from './assembly.ts'

type Beneath = Pick<
  GroupParts,
  | 'log'
  | 'decisions'
  | 'signals'
  | 'catalog'
  | 'units'
  | 'operations'
  | 'bargaining'
  | 'performance'
  | 'auditing'
  | 'scanner'
  | 'variety'
  | 'algedonic'
>

/** What is proposed to System 5, what a node decides for itself, and how both are obeyed. */
export function governingParts(
  assembly: Assembly,
  beneath: Beneath,
): Pick<GroupParts, 'effects' | 'ownGoverning' | 'proposing' | 'directives' | 'proposals'> {
  const { scopes, self, store, group, clock } = assembly
  const logger = assembly.logger.child({ part: 'system5' })
  const seeing = scopes.of('effects')
  const effects = new EffectSight({
    self,
    signals: seeing.hears(beneath.signals),
    operations: seeing.hears(beneath.operations),
    catalog: beneath.catalog,
    clock: seeing.clock,
  })
  const ownGoverning = new OwnGoverning({
    self,
    governance: group.governance,
    hasUnit: (unit) => group.state === undefined || isProvider(group.state, unit, self),
    sight: effects,
    algedonic: beneath.algedonic,
    kv: store.kv('system5'),
    clock: scopes.clock('own decisions'),
    logger,
  })
  const obeying = scopes.of('directives')
  return {
    effects,
    ownGoverning,
    proposing: new Proposing({
      ...beneath,
      self,
      own: ownGoverning,
      sight: effects,
      governance: group.governance,
      clock: scopes.clock('proposals'),
      logger,
    }),
    directives: new Directives({
      ...beneath,
      self,
      own: ownGoverning,
      governance: group.governance,
      log: obeying.hears(beneath.log),
      clock: obeying.clock,
      logger: assembly.logger.child({ part: 'system3' }),
    }),
    proposals: new ProposalDesk({ ...beneath, own: ownGoverning, governance: group.governance, nameOf: group.nameOf, clock }),
  }
}
