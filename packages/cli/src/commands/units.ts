import type { UnitView } from '@vsmcp/node'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { formatLatency, formatRate, formatShare } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { type Define, examples } from './command.ts'

const STATE_STYLE = {
  starting: 'yellow',
  ready: 'green',
  'backing-off': 'yellow',
  failed: 'red',
  stopped: 'dim',
  unreachable: 'red',
  differs: 'red',
} as const

export const define: Define = (command, open) => {
  command
    .option('--work', "show what they do, could do and might do (Beer's actuality, capability, potentiality)")
    .addOption(groupOption())
    .addHelpText(
      'after',
      examples(
        'vsmcp units',
        'vsmcp units --work',
        'vsmcp units --group /eu/plant-7',
        "vsmcp units --json | jq '.[] | select(.local)'",
      ),
    )
    .action(async ({ work, ...options }: GroupOption & { work?: boolean }) => {
      const { node, terminal } = open(command)
      const show = work === true ? renderWork : render
      terminal.answer(await terminal.during('asking the node', node.units(inGroup(options))), (units) => show(units, terminal))
    })
}

const NONE = 'no units yet: attach one with "vsmcp attach NAME -- COMMAND ARGS…"'

function renderWork(units: readonly UnitView[], terminal: Terminal): string {
  if (units.length === 0) return NONE
  const rows = units.map(({ name, nodeName, local, work, figures }) => [
    name,
    `${printableLine(nodeName)}${local ? ' (this node)' : ''}`,
    formatRate(work === undefined || work.windowMs === 0 ? null : work.actuality),
    formatRate(work?.capability ?? null),
    formatRate(work?.potentiality ?? null),
    formatShare(work?.productivity ?? null),
    formatShare(work?.latency ?? null),
    formatShare(work?.performance ?? null),
    work === undefined ? '-' : `${figures?.inFlight ?? 0} of ${work.limits.concurrency}`,
    work === undefined ? '-' : String(work.queued),
    work === undefined ? '-' : String(work.turnedAway),
    work?.limits.ratePerS == null ? '-' : formatRate(work.limits.ratePerS),
    directedOf(work),
  ])
  const ratios = ['PRODUCTIVITY', 'LATENCY', 'PERFORMANCE']
  return terminal.table(
    ['UNIT', 'NODE', 'DOES', 'COULD', 'MIGHT', ...ratios, 'IN WORK', 'WAITING', 'TURNED AWAY', 'RATE MAX', 'DIRECTED'],
    rows,
  )
}

/** What System 5 has decided of it: `weight 2`. */
function directedOf(work: UnitView['work']): string {
  const directed = work?.directed ?? null
  if (directed === null) return '-'
  const { weight, concurrency, quarantined, stopped } = directed
  if (stopped) return 'stopped'
  if (quarantined) return 'quarantine'
  const parts = [
    ...(weight === null ? [] : [`weight ${weight}`]),
    ...(concurrency === null ? [] : [`concurrency ${concurrency}`]),
  ]
  return parts.join(', ')
}

function render(units: readonly UnitView[], terminal: Terminal): string {
  if (units.length === 0) return NONE
  const isShared = units.some(({ weight }) => weight !== undefined)
  const rows = units.map((unit) => [
    unit.name,
    terminal.style(STATE_STYLE[unit.state], unit.state),
    `${printableLine(unit.nodeName)}${unit.local ? ' (this node)' : ''}`,
    ...(isShared ? [unit.weight === undefined ? '-' : formatShare(unit.weight)] : []),
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
    [
      'UNIT',
      'STATE',
      'NODE',
      ...(isShared ? ['WEIGHT'] : []),
      'KIND',
      'TOOLS',
      'RESOURCES',
      'PROMPTS',
      'CALLS',
      'ERRORS',
      'P50',
      'SERVER',
    ],
    rows,
  )
}

function serverOf(unit: UnitView): string {
  return unit.server === undefined ? '-' : printableLine(`${unit.server.name} ${unit.server.version}`)
}
