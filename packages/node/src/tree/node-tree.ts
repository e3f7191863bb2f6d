import type { ChildSpec, Strategy, SupervisorSpec } from '@vsmcp/kernel'
import { SYSTEM_RESTARTS, SYSTEM_RESTARTS_PERIOD_MS } from '../constants.ts'
import type { GroupParts, HostParts, HomeParts } from '../parts.ts'
import type { Scopes } from './scopes.ts'

/**
 * The systems of a node, as its supervisors: in the order they start; they stop in reverse. Each heals by itself or gives up to the
 * root, and the root to the process.
 *
 * - `system5` comes first, as everything goes by what the group decided; who depends on the log is started again with it.
 * - `mesh`: each for itself. What holds sockets and streams of others lives once; its crash is one of the process.
 * - The algedonic channel, Systems 4 to 1 (2 after 1), then what clients see. An organ's part takes its place in its own system.
 */
export function systemsOf(parts: GroupParts & HostParts & HomeParts, scopes: Scopes): readonly SupervisorSpec[] {
  return systems(parts, scopes, parts)
}

/** The same of a further seat, less what the process has once. */
export function systemsOfSeat(parts: GroupParts, scopes: Scopes): readonly SupervisorSpec[] {
  return systems(parts, scopes)
}

function systems(parts: GroupParts, scopes: Scopes, process?: HostParts & HomeParts): readonly SupervisorSpec[] {
  const units = scopes.of('units').child(parts.units)
  return [
    system('core', 'one_for_one', [scopes.of('time').child(parts.time), scopes.of('life').onlyOnce(parts.lives)]),
    system('system5', 'rest_for_one', [
      scopes.of('epoch').child(parts.epochs),
      scopes.of('consensus').child(parts.log),
      scopes.of('session keys').child(parts.sessionKeys),
      scopes.of('credential').child(parts.renewal),
      scopes.of('leader duties').child(parts.duties),
      scopes.of('office').child(parts.office),
      scopes.of('effects').child(parts.effects),
      scopes.of('own decisions').child(parts.ownGoverning),
    ]),
    system('mesh', 'one_for_one', [
      scopes.of('membership').child(parts.members),
      scopes.of('connections').onlyOnce(parts.mesh),
      scopes.of('shared state').onlyOnce(parts.state),
      ...(process === undefined ? [] : [scopes.of('discovery').child(process.discovery)]),
      scopes.of('signals').child(parts.signals),
    ]),
    // What is felt is felt by the channel.
    system('algedonic', 'rest_for_one', [
      scopes.of('algedonic channel').child(parts.algedonic),
      scopes.of('senses').child(parts.senses),
      scopes.of('senses of units').child(parts.unitSenses),
      ...(process === undefined ? [] : [scopes.of('sense of time').child(process.loopSense)]),
      scopes.of('sense of clocks').child(parts.clockSense),
    ]),
    system('system4', 'one_for_one', [
      scopes.of('variety').child(parts.variety),
      scopes.of('scanner').child(parts.scanner),
      ...(process === undefined
        ? []
        : [scopes.of('feeds').child(process.feeds), scopes.of('simulations').child(process.simulations)]),
    ]),
    system('system3', 'one_for_one', [
      scopes.of('reports').child(parts.reports),
      // What groups say to one another goes from System 1 to 3, and from 3 to 1.
      scopes.of('records').child(parts.records),
      scopes.of('resource bargain').child(parts.bargaining),
      scopes.of('degradation').child(parts.degradation),
      scopes.of('performance').child(parts.performance),
      scopes.of('synergy').child(parts.weights),
      // System 3*.
      scopes.of('audits').child(parts.auditing),
      scopes.of('proposals').child(parts.proposing),
      scopes.of('directives').child(parts.directives),
    ]),
    system('system1', 'one_for_one', [
      // Measures from the first call on.
      scopes.of('operations').child(parts.operations),
      // Servers run under the guard: without it there are none.
      process === undefined ? units : system('servers', 'rest_for_one', [scopes.of('process guard').child(process.guard), units]),
    ]),
    // Calls that wait for a claim, and those that are due, end before their servers do.
    system('system2', 'one_for_one', [
      scopes.of('claims').child(parts.claims),
      scopes.of('occurrences').child(parts.occurrences),
    ]),
    ...(process === undefined ? [] : [system('mcp', 'one_for_one', [scopes.of('gateway').child(process.gateway)])]),
  ]
}

function system(id: string, strategy: Strategy, children: readonly ChildSpec[]): SupervisorSpec {
  return { id, strategy, intensity: SYSTEM_RESTARTS, periodMs: SYSTEM_RESTARTS_PERIOD_MS, children }
}
