import type { ForecastView, SeriesView, TurnView } from '@vsmcp/node'
import { systemClock } from '@vsmcp/kernel'
import { formatAgo, formatDuration } from '../terminal/format.ts'
import { formatFigure, formatShare } from '../terminal/figure.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .argument('[unit]', 'only this unit, wherever it is (default: the units of this node, and the group)')
    .addHelpText(
      'after',
      notes(
        'A band should hold the value eight times of ten. STEP, SLOPE and ODD say how probable it is that the tick before the last began a',
        'lasting step or slope, or was an odd value. ERROR is that of the forecasts of the last ticks, beside that of saying "as now".',
      ),
    )
    .addHelpText('after', examples('vsmcp forecast', 'vsmcp forecast files', "vsmcp forecast --json | jq '.series[].ahead[0]'"))
    .action(async (unit: string | undefined) => {
      const { node, terminal } = open(command)
      const asked = node.forecast(unit === undefined ? {} : { unit })
      terminal.answer(await terminal.during('asking the node', asked), (forecast) => render(forecast, terminal))
    })
}

function render({ series, turns, tickMs, nodeName }: ForecastView, terminal: Terminal): string {
  if (series.length === 0)
    return `${printableLine(nodeName)} watches nothing of that yet: it looks every ${formatDuration(tickMs)}`
  const headings = [
    'SUBJECT',
    'MEASURE',
    'NOW',
    'NEXT',
    '80 % BAND',
    `IN ${formatDuration(20 * tickMs)}`,
    'STEP',
    'SLOPE',
    'ODD',
    'ERROR',
    'HELD',
  ]
  const table = terminal.table(headings, series.map(rowOf))
  const now = systemClock.wallMs()
  const told = turns.map((turn) => lineOf(turn, now))
  return [table, `One tick is ${formatDuration(tickMs)}, on ${printableLine(nodeName)}.`, ...told].join('\n')
}

function rowOf({ subject, measure, last, ahead, settled, skill, observed }: SeriesView): string[] {
  const next = ahead.find((each) => each.ahead === 1)
  const later = ahead.find((each) => each.ahead === 20)
  const band = (of: typeof next): string => (of === undefined ? '-' : `${formatFigure(of.low)} to ${formatFigure(of.high)}`)
  return [
    printableLine(subject),
    measure === 'latency' ? 'latency, ms' : measure,
    last === null ? '-' : formatFigure(last),
    next === undefined ? `after ${observed} of 8 values` : formatFigure(next.mean),
    band(next),
    band(later),
    ...(next === undefined ? ['-', '-', '-'] : [settled.step, settled.slope, settled.transient].map(formatShare)),
    skill === null ? '-' : `${formatFigure(skill.meanError)} (${formatFigure(skill.naiveMeanError)})`,
    skill === null ? '-' : `${formatShare(skill.bandHeld)} of ${skill.forecasts}`,
  ]
}

function lineOf({ at, subject, measure, change, probability, from, to }: TurnView, nowMs: number): string {
  const levels = from === null || to === null ? '' : `, from ${formatFigure(from)} to ${formatFigure(to)}`
  return `${formatAgo(at, nowMs)}: a ${change} of ${measure} of ${printableLine(subject)}${levels} (${formatShare(probability)})`
}
