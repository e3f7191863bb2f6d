import { NoNodeError } from '@vsmcp/api'
import { systemClock } from '@vsmcp/kernel'
import type { NodeStatus } from '@vsmcp/node'
import { EvictedError, NoMeshError } from '../errors.ts'
import type { Session } from '../session.ts'
import { count, formatAgo, formatBytes, formatDuration, formatRate } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { type Define, examples } from './command.ts'
import { renderTree } from './parts-tree.ts'
import { aboveOf, belowOf } from './recursion-lines.ts'

const HEALTH_STYLE = { ok: 'green', degraded: 'yellow', failing: 'red' } as const

export const define: Define = (command, open) => {
  command
    .option('--tree', 'show the supervisors and parts of the node: state, restarts, last error, mailbox')
    .addHelpText(
      'after',
      examples('vsmcp status', 'vsmcp status --tree', "vsmcp status --json | jq '.system5.leaderName, .health'"),
    )
    .action(async ({ tree }: { tree?: boolean }) => {
      const { node, terminal, dataDir } = open(command)
      if (tree === true) {
        const parts = node.tree().catch((error: unknown) => tellGone(dataDir, error))
        terminal.answer(await terminal.during('asking the node', parts), (answer) => renderTree(answer, terminal))
        return
      }
      const asked = node.status().catch((error: unknown) => tellGone(dataDir, error))
      terminal.answer(await terminal.during('asking the node', asked), (status) => render(status, terminal))
    })
}

/** A node that is no member any more does not run; its directory knows why. */
async function tellGone(dataDir: string, error: unknown): Promise<never> {
  if (!(error instanceof NoNodeError)) throw error
  const { readDirectoryState } = await import('@vsmcp/node')
  const { kind, removed, how = 'has left', meshName = 'its mesh' } = await readDirectoryState(dataDir)
  if (kind !== 'left') throw error
  const hint = 'To come back, join with a new invitation in an empty data directory.'
  if (removed === true) throw new EvictedError(`this node ${how} ${meshName}`, { hint, cause: error })
  throw new NoMeshError(`this node ${how} ${meshName}`, { hint, cause: error })
}

/** `2.5/s of 40/s, and of 80/s that might be` */
function workOf({ actuality, capability, potentiality }: NodeStatus['work']['node']): string {
  if (capability === null) return `${formatRate(actuality)}, nothing measured yet`
  const might = potentiality === null || potentiality === capability ? '' : `, ${formatRate(potentiality)} might be`
  return `${formatRate(actuality)} of ${formatRate(capability)}${might}`
}

function render(status: NodeStatus, terminal: Session['terminal']): string {
  const { node, mesh, group, system5, members, units } = status
  const now = systemClock.wallMs()
  const leader =
    system5.leader === null
      ? 'none: nothing can be decided now'
      : `${printableLine(system5.leaderName ?? system5.leader)}${system5.since === null ? '' : `, since ${formatAgo(system5.since, now)}`}`
  const failover = system5.failuresTolerated === 0 ? 'no failover' : `${count(system5.failuresTolerated, 'failure')} tolerated`
  const process = status.process
  return [
    renderPairs([
      ['node', `${printableLine(node.name)}  ${node.peerId}`],
      ['', `${node.role}, profile ${node.profile}, pid ${node.pid}, up ${formatDuration(process.uptimeS * 1_000)}`],
      ['mesh', `${printableLine(mesh.name)}  ${mesh.id}`],
      ['group', `${group.path}: ${members.alive} of ${count(members.known, 'member')} alive`],
      ...groupsOf(status, now),
      [
        'system 5',
        `${leader}; ${system5.epoch === 1 ? '' : `epoch ${system5.epoch}, `}term ${system5.term}, this node is ${system5.role}`,
      ],
      ['voters', `${system5.voters.length}, quorum ${system5.quorum}, ${failover}`],
      ['units', `${units.local} here, ${units.group} in the group, ${units.ready} ready`],
      ['tools', String(status.tools)],
      ['alerts', alertsOf(status)],
      ['service', serviceOf(status, now)],
      ['proposals', proposalsOf(status)],
      ['work', `${workOf(status.work.node)} here; ${workOf(status.work.group)} in the group`],
      ['mcp', status.mcp],
      ['listen', status.listen.join('\n          ')],
      [
        'process',
        `${formatBytes(process.rssBytes)} resident, event loop ${process.eventLoopLagMs.toFixed(1)} ms late, version ${status.version}`,
      ],
      ['health', terminal.style(HEALTH_STYLE[status.health], status.health)],
    ]),
    ...status.problems.map((problem) => `  ${terminal.style('yellow', '!')} ${printableLine(problem)}`),
  ].join('\n')
}

/** What is above and below, where there is something. */
function groupsOf({ groups, recursion }: NodeStatus, now: number): [string, string][] {
  const home = groups.find(({ part }) => part === 'home')
  const seats = groups.filter(({ part }) => part === 'seat')
  const delegates = home?.delegates.map(({ name, alive }) => `${printableLine(name)}${alive ? '' : ' (away)'}`).join(', ')
  const speakers = `; delegates: ${delegates === undefined || delegates === '' ? 'none' : delegates}`
  return [
    ...aboveOf(recursion, now).map((line): [string, string] => ['above', `${line}${speakers}`]),
    ...belowOf(recursion, now).map((line, at): [string, string] => [at === 0 ? 'below' : '', line]),
    ...(seats.length === 0
      ? []
      : ([['seats', seats.map(({ path }) => printableLine(path)).join(', ')]] satisfies [string, string][])),
  ]
}

function serviceOf({ degradation: { step, since, reasons, paused, shed } }: NodeStatus, now: number): string {
  if (step === 'normal') return step
  const waiting = paused.length === 0 ? '' : `; waiting: ${paused.join(', ')}`
  const refused = shed === 0 ? '' : `; ${count(shed, 'call')} refused`
  return printableLine(`${step}, since ${formatAgo(since, now)}: ${reasons.join('; ')}${waiting}${refused}`)
}

function proposalsOf({ proposals: { waiting, person, inForce } }: NodeStatus): string {
  if (waiting + inForce === 0) return 'none'
  const forPerson = person === 0 ? '' : `, ${person} for a person: see "vsmcp proposals"`
  return `${waiting} waiting${forPerson}; ${count(inForce, 'directive')} in force`
}

function alertsOf({ alerts: { open, acknowledged, critical, overdue } }: NodeStatus): string {
  if (open === 0) return 'none'
  const parts = [`${open} open`, `${critical} critical`, `${acknowledged} acknowledged`, `${overdue} overdue`]
  return parts.filter((part) => !part.startsWith('0')).join(', ')
}
