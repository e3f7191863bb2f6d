import { type Logger, type PeerIdString, systemClock } from '@vsmcp/kernel'
import type { Catalog } from '../catalog/catalog.ts'
import type { GroupParts } from '../parts.ts'
import type { GroupLists } from '../recursion/memberships.ts'
import type { ToolView } from '../route/contract.ts'
import { StatusView, type StatusFacts } from './status-view.ts'
import { UnitsView } from './units-view.ts'

export interface GroupViewsInit {
  facts: StatusFacts
  mcpUrl: () => string
  /** Of parts of the node, lately, as sentences. */
  crashes: () => string[]
  logger: Logger
}

/** How a group is, as its membership on this node sees it; others ask it about its units. */
export function groupViews(
  parts: GroupParts,
  { facts, mcpUrl, crashes, logger }: GroupViewsInit,
): { statusView: StatusView; unitsView: UnitsView; nameOf: (peer: PeerIdString) => string; lists: GroupLists } {
  const nameOf = (peer: PeerIdString): string => statusView.nameOf(peer)
  const unitsView = new UnitsView({ ...parts, self: parts.mesh.peerId, logger, nameOf })
  const statusView = new StatusView(facts, { ...parts, unitsView, alerts: parts.alertsView, mcpUrl, crashes })
  const lists: GroupLists = {
    members: () => statusView.members(),
    units: () => unitsView.list(),
    tools: () => toolsView(parts.catalog, nameOf),
  }
  return { statusView, unitsView, nameOf, lists }
}

function toolsView({ tools }: Pick<Catalog, 'tools'>, nameOf: (peer: PeerIdString) => string): ToolView[] {
  return tools.map(({ exposedName, qualifiedName, unit, node, definition }) => ({
    name: exposedName,
    qualifiedName,
    unit,
    node,
    nodeName: nameOf(node),
    ...(definition.title === undefined ? {} : { title: definition.title }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
    readOnly: definition.annotations?.readOnlyHint === true,
  }))
}

/** What every status says of the program and the process. */
export function factsOf({ version, profile, dataDir }: Pick<StatusFacts, 'version' | 'profile' | 'dataDir'>): StatusFacts {
  return { version, profile, dataDir, startedAtMs: systemClock.wallMs() }
}
