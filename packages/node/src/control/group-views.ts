import { type Logger, type PeerIdString, systemClock } from '@vsmcp/kernel'
import type { GroupParts } from '../parts.ts'
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
): { statusView: StatusView; unitsView: UnitsView; nameOf: (peer: PeerIdString) => string } {
  const nameOf = (peer: PeerIdString): string => statusView.nameOf(peer)
  const unitsView = new UnitsView({ ...parts, self: parts.mesh.peerId, logger, nameOf })
  const statusView = new StatusView(facts, { ...parts, unitsView, alerts: parts.alertsView, mcpUrl, crashes })
  return { statusView, unitsView, nameOf }
}

/** What every status says of the program and the process. */
export function factsOf({ version, profile, dataDir }: Pick<StatusFacts, 'version' | 'profile' | 'dataDir'>): StatusFacts {
  return { version, profile, dataDir, startedAtMs: systemClock.wallMs() }
}
