import { systemClock } from '@vsmcp/kernel'
import type { ClaimantView, ResourceView } from '@vsmcp/node'
import { formatAgo } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .addHelpText(
      'after',
      notes(
        'A unit attached with --claims NAME[:shared] is called only while the group has given it what it claims. Who waits is',
        'served in the order of asking. TOKEN grows with each grant: a resource that refuses a lower one than it has seen is safe',
        'from whoever was cut off while it had it.',
      ),
    )
    .addHelpText('after', examples('vsmcp claims', "vsmcp claims --json | jq '.[] | select(.waiters != [])'"))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.claims()), (claims) => render(claims, terminal))
    })
}

function render(claims: readonly ResourceView[], terminal: Terminal): string {
  if (claims.length === 0) return 'nothing is claimed'
  const now = systemClock.wallMs()
  const row = (resource: string, state: string, { unit, nodeName, shared, since }: ClaimantView, token: string): string[] => [
    printableLine(resource),
    terminal.style(state === 'has it' ? 'green' : 'yellow', state),
    printableLine(unit),
    printableLine(nodeName),
    shared ? 'shared' : 'alone',
    token,
    formatAgo(since, now),
  ]
  const rows = claims.flatMap(({ resource, holders, waiters }) => [
    ...holders.map((each) => row(resource, each.recalled ? 'called back' : 'has it', each, `${each.epoch}.${each.token}`)),
    ...waiters.map((each) => row(resource, 'waits', each, '-')),
  ])
  return terminal.table(['RESOURCE', 'STATE', 'UNIT', 'NODE', 'HOW', 'TOKEN', 'ASKED'], rows)
}
