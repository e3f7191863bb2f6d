import { systemClock } from '@vsmcp/kernel'
import type { MemberView } from '@vsmcp/node'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { formatAgo, formatLatency, shortPeer } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { type Define, examples } from './command.ts'

const STATE_STYLE = { alive: 'green', suspect: 'yellow', failed: 'red', left: 'dim' } as const

export const define: Define = (command, open) => {
  command
    .addOption(groupOption())
    .addHelpText(
      'after',
      examples('vsmcp members', 'vsmcp members --group /eu/plant-7', "vsmcp members --json | jq -r '.[] | select(.leader).name'"),
    )
    .action(async (options: GroupOption) => {
      const { node, terminal } = open(command)
      const asked = node.members(inGroup(options))
      terminal.answer(await terminal.during('asking the node', asked), (members) => render(members, terminal))
    })
}

function render(members: readonly MemberView[], terminal: Terminal): string {
  const now = systemClock.wallMs()
  const rows = members.map((member) => [
    `${printableLine(member.name)}${member.self ? ' (this node)' : ''}`,
    terminal.style(STATE_STYLE[member.state], member.state),
    formatAgo(member.since, now),
    member.state === 'alive' && member.connected ? '-' : printableLine(member.why),
    partOf(member),
    formatLatency(member.rttMs),
    member.units.map(printableLine).join(',') || '-',
    shortPeer(member.peerId),
    member.addresses.map(printableLine).join(' '),
  ])
  return terminal.table(['NAME', 'STATE', 'SINCE', 'WHY', 'PART', 'RTT', 'UNITS', 'PEER', 'ADDRESSES'], rows)
}

function partOf(member: MemberView): string {
  const part = member.leader ? 'system 5' : member.voter ? 'voter' : 'learner'
  const kind = member.ephemeral === true ? ', ephemeral' : member.role === 'edge' ? ', edge' : ''
  return `${part}${kind}${member.stale === true ? ', stale' : ''}`
}
