import { systemClock } from '@vsmcp/kernel'
import type { FindingView } from '@vsmcp/node'
import { formatAgo } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .addHelpText(
      'after',
      notes(
        'Targets that units of this node miss (attach --target-p99, --target-errors), and what audits by this node of units',
        'elsewhere found: every node looks at some unit now and then, when nobody can know, and compares what its host reports',
        'with what it saw itself. One odd audit is no finding: it takes three at least.',
      ),
    )
    .addHelpText('after', examples('vsmcp findings', "vsmcp findings --json | jq '.[] | select(.overAt == null)'"))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.findings()), (findings) => render(findings, terminal))
    })
}

function render(findings: readonly FindingView[], terminal: Terminal): string {
  if (findings.length === 0) return 'nothing was found'
  const now = systemClock.wallMs()
  const rows = findings.map(({ system, unit, nodeName, kind, claimed, measured, grave, audits, foundAt, overAt }) => [
    formatAgo(foundAt, now),
    overAt === null ? terminal.style(grave ? 'red' : 'yellow', 'open') : `over ${formatAgo(overAt, now)}`,
    system === 'system3' ? 'target missed' : `audits: ${audits ?? 0}`,
    unit === null ? '-' : printableLine(unit),
    printableLine(nodeName),
    kind,
    printableLine(claimed),
    printableLine(measured),
  ])
  return terminal.table(['FOUND', 'STATE', 'BY', 'UNIT', 'NODE', 'WHAT', 'CLAIMED', 'MEASURED'], rows)
}
