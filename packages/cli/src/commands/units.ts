import type { UnitView } from '@vsmcp/node'
import type { Terminal } from '../terminal/terminal.ts'
import { formatLatency } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { type Define, examples } from './command.ts'

const STATE_STYLE = {
  starting: 'yellow',
  ready: 'green',
  'backing-off': 'yellow',
  failed: 'red',
  stopped: 'dim',
  unreachable: 'red',
} as const

export const define: Define = (command, open) => {
  command.addHelpText('after', examples('vsmcp units', "vsmcp units --json | jq '.[] | select(.local)'")).action(async () => {
    const { node, terminal } = open(command)
    terminal.answer(await terminal.during('asking the node', node.units()), (units) => render(units, terminal))
  })
}

function render(units: readonly UnitView[], terminal: Terminal): string {
  if (units.length === 0) return 'no units yet: attach one with "vsmcp attach NAME -- COMMAND ARGS…"'
  const rows = units.map((unit) => [
    unit.name,
    terminal.style(STATE_STYLE[unit.state], unit.state),
    `${printableLine(unit.nodeName)}${unit.local ? ' (this node)' : ''}`,
    unit.kind,
    String(unit.tools),
    String(unit.resources),
    String(unit.prompts),
    unit.figures === undefined ? '-' : String(unit.figures.calls),
    unit.figures === undefined ? '-' : String(unit.figures.errors),
    formatLatency(unit.figures?.latencyP50Ms ?? null),
    unit.reason === undefined ? serverOf(unit) : printableLine(unit.reason),
  ])
  return terminal.table(
    ['UNIT', 'STATE', 'NODE', 'KIND', 'TOOLS', 'RESOURCES', 'PROMPTS', 'CALLS', 'ERRORS', 'P50', 'SERVER'],
    rows,
  )
}

function serverOf(unit: UnitView): string {
  return unit.server === undefined ? '-' : printableLine(`${unit.server.name} ${unit.server.version}`)
}
