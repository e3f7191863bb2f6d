import type { Catalog } from '../catalog/catalog.ts'
import type { PeerIdString } from '@vsmcp/kernel'
import type { VarietyFigures } from '@vsmcp/vsm'
import type { Regulator } from '../self/contract.ts'

/** What takes variety away or adds to it in this node, each with its effect as measured now. */
export function regulatorsOf(catalog: Catalog, self: PeerIdString, { calls, outcomes }: VarietyFigures): Regulator[] {
  const { tools, disregarded } = catalog
  const own = tools.filter(({ node }) => node === self).length
  const shared = tools.filter(({ exposedName, name }) => exposedName !== name).length
  const refused = outcomes.refused ?? 0
  return [
    {
      name: 'mesh',
      kind: 'amplifier',
      effect: Math.log2(Math.max(1, tools.length)) - Math.log2(Math.max(1, own)),
      unit: 'bits',
      what: `${tools.length} tools can be called here, ${own} of them are attached here`,
    },
    {
      name: 'qualified names',
      kind: 'amplifier',
      effect: shared,
      unit: 'tools',
      what: 'stay callable by unit__tool though another unit has the bare name, or nobody has it yet',
    },
    {
      name: 'names by the docket',
      kind: 'attenuator',
      effect: disregarded,
      unit: 'tools',
      what: "are not listed because their unit's name is not their node's",
    },
    {
      name: 'bulkheads and breakers',
      kind: 'attenuator',
      effect: calls === 0 ? 0 : refused / calls,
      unit: 'share of calls',
      what: `${refused} of ${calls} calls were refused before anything was executed`,
    },
  ]
}
