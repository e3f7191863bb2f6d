import { stat, statfs } from 'node:fs/promises'
import type { PeerIdString } from '@vsmcp/kernel'
import { CLOCK_SKEW_WARN_MS, DISK_FREE_WARN_BYTES } from '../constants.ts'
import type { DoctorReport, NodeStatus } from './contract.ts'
import type { MemberView } from '../members/contract.ts'

export interface DoctorFacts {
  status: NodeStatus
  members: readonly MemberView[]
  /** Version of the program each connected member runs. */
  versions: ReadonlyMap<PeerIdString, string>
  /** How far each member's clock was ahead of this one's when it last reported, milliseconds. */
  clockAheadMs: ReadonlyMap<PeerIdString, number>
}

type Check = DoctorReport['checks'][number]

/** Looks at what goes wrong most often and says what to do about it. */
export async function examine(facts: DoctorFacts): Promise<DoctorReport> {
  const checks = [
    system5(facts.status),
    reachability(facts.members),
    addresses(facts.status),
    clock(facts),
    versions(facts),
    unitsOf(facts.status),
    ...groupsOf(facts.status),
    await disk(facts.status.node.dataDir),
    await privacy(facts.status.node.dataDir),
  ]
  return { checks }
}

function system5({ system5: { leaderName, voters, failuresTolerated, term } }: NodeStatus): Check {
  const name = 'System 5'
  if (leaderName === null) {
    const advice = 'Bring voters back until a majority is connected; until then calls go on and nothing is decided.'
    return { name, state: 'fail', found: `nobody leads; ${voters.length} voters are known`, advice }
  }
  const found = `${leaderName} leads in term ${term}; ${voters.length} of the members vote`
  if (failuresTolerated > 0) return { name, state: 'ok', found: `${found}, ${failuresTolerated} may fail` }
  return { name, state: 'warn', found: `${found}, none may fail`, advice: 'Have at least three members for failover.' }
}

function reachability(members: readonly MemberView[]): Check {
  const name = 'members'
  const away = members.filter(({ state }) => state === 'suspect' || state === 'failed')
  if (away.length === 0) {
    const heardOf = members.filter(({ state, connected }) => state === 'alive' && !connected).map(({ name: member }) => member)
    const rest = heardOf.length === 0 ? 'all connected' : `not connected from here, but reached by others: ${heardOf.join(', ')}`
    return { name, state: 'ok', found: `${members.length} members, ${rest}` }
  }
  const list = away.map(({ name: member, addresses: at }) => `${member} (${at.join(', ') || 'no address known'})`).join('; ')
  return {
    name,
    state: 'warn',
    found: `not connected: ${list}`,
    advice: 'Check that the node runs and that one of its addresses can be reached from here (firewall, NAT: --advertise).',
  }
}

function addresses({ listen }: NodeStatus): Check {
  const name = 'addresses'
  if (listen.some((address) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address))) {
    return { name, state: 'ok', found: `${listen.length} addresses, reachable from other machines` }
  }
  const advice = 'For members on other machines run the node with --listen or --advertise.'
  return { name, state: 'warn', found: 'listens on loopback only', advice }
}

function clock({ clockAheadMs, members }: DoctorFacts): Check {
  const name = 'clock'
  const off = [...clockAheadMs].filter(([, ms]) => Math.abs(ms) > CLOCK_SKEW_WARN_MS)
  if (off.length === 0)
    return {
      name,
      state: 'ok',
      found: clockAheadMs.size === 0 ? 'no other member has reported yet' : 'agrees with the other members',
    }
  const list = off.map(
    ([peer, ms]) => `${members.find(({ peerId }) => peerId === peer)?.name ?? peer} by ${Math.round(ms / 1000)} s`,
  )
  return {
    name,
    state: 'warn',
    found: `differs from ${list.join(', ')}`,
    advice: 'Synchronise the clocks (NTP): credentials tolerate 5 minutes.',
  }
}

function versions({ versions: all, status }: DoctorFacts): Check {
  const name = 'versions'
  const others = [...new Set(all.values())].filter((version) => version !== status.version)
  if (others.length === 0) return { name, state: 'ok', found: `all run ${status.version}` }
  return {
    name,
    state: 'ok',
    found: `this node runs ${status.version}, others ${others.join(', ')}: mixed versions work together`,
  }
}

function unitsOf({ units }: NodeStatus): Check {
  const name = 'units'
  const found = `${units.ready} of the group's ${units.group} units are ready, ${units.local} are attached here`
  if (units.ready === units.group) return { name, state: 'ok', found }
  return { name, state: 'warn', found, advice: 'See `vsmcp units` for the state and `vsmcp logs UNIT` for what the server said.' }
}

/** Only where there is more than the one group of a plain mesh. */
function groupsOf({ groups }: NodeStatus): Check[] {
  if (groups.length === 1 && groups[0]?.parent === null && groups[0].children.length === 0) return []
  const name = 'groups'
  const wrong = groups.flatMap(({ path, problem, parent, delegates }) => {
    if (problem !== null) return [`${path}: ${problem}`]
    if (parent?.reached === false) return [`${path}: the group above cannot be reached since ${parent.since}`]
    const alive = delegates.filter((delegate) => delegate.alive).length
    return parent !== null && alive < 2 ? [`${path}: ${alive} of its delegates can be reached, one failure cuts it off`] : []
  })
  if (wrong.length === 0) return [{ name, state: 'ok', found: `takes part in ${groups.map(({ path }) => path).join(', ')}` }]
  const advice = 'See `vsmcp group ls`. A group sees to two delegates by itself once it has members that stay up.'
  return [{ name, state: 'warn', found: wrong.join('; '), advice }]
}

async function disk(dataDir: string): Promise<Check> {
  const name = 'disk'
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const found = `${Math.round(free / 1024 / 1024)} MiB free at ${dataDir}`
  if (free >= DISK_FREE_WARN_BYTES) return { name, state: 'ok', found }
  return { name, state: 'warn', found, advice: 'Make room: on a full disk this node takes no part in decisions.' }
}

async function privacy(dataDir: string): Promise<Check> {
  const name = 'data directory'
  const { mode } = await stat(dataDir)
  if ((mode & 0o077) === 0) return { name, state: 'ok', found: 'only its owner can read it' }
  return { name, state: 'fail', found: 'others can read it, and it holds keys', advice: `chmod 700 ${dataDir}` }
}
