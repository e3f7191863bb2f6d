import { systemClock } from '@vsmcp/kernel'
import type { SelfView, VarietyView } from '@vsmcp/node'
import { formatFigure, formatShare } from '../terminal/figure.ts'
import { count, formatAgo, formatDuration } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes } from './command.ts'
import { aboveOf, belowOf } from './recursion-lines.ts'

/** Rows of a list that people are shown; programs get all. */
const SHOWN = 8

export const define: Define = (command, open) => {
  command
    .addHelpText(
      'after',
      notes(
        'Variety is in bits: how many yes-or-no questions tell one call from another (demand), one answer from another (response), one end from',
        'another (outcome). What remains of the last when the response is known, only better units can take away.',
        'MCP clients read the same as the resource vsmcp://self.',
      ),
    )
    .addHelpText('after', examples('vsmcp self', "vsmcp self --json | jq '.variety.unmet'"))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.self()), (self) => render(self, terminal))
    })
}

function render(self: SelfView, terminal: Terminal): string {
  const { identity, does, is, recursion, variety, foresight } = self
  const now = systemClock.wallMs()
  const system5 = is.system5 === null ? 'no System 5' : `System 5 is ${printableLine(is.system5)}`
  const head = renderPairs([
    ['I am', `${printableLine(identity.node)} of ${printableLine(identity.mesh)}${identity.group}  ${identity.peerId}`],
    [
      '',
      `version ${identity.version}, policies of version ${identity.charterVersion}: ${identity.policies.join(', ') || 'none'}`,
    ],
    ...(identity.says === null
      ? []
      : [['we are', `${printableLine(identity.says.name)}: ${printableLine(identity.says.purpose)}`] as [string, string]]),
    [
      'I do',
      `${count(does.units, 'unit')} with ${count(does.tools, 'tool')}; ${does.toolsOfGroup} in the group; ${count(does.callsInFlight, 'call')} under way`,
    ],
    [
      'I am doing',
      `${is.health}; ${is.members.alive} of ${count(is.members.known, 'member')} alive, ${system5}, ${count(is.alerts, 'alert')}`,
    ],
    ...is.problems.map((problem): [string, string] => ['', printableLine(problem)]),
    ...aboveOf(recursion, now).map((line): [string, string] => ['above me', line]),
    ...belowOf(recursion, now).map((line, at): [string, string] => [at === 0 ? 'below me' : '', line]),
    ['asked here', varietyOf(variety.node, variety.windowMs)],
    [`asked of ${count(variety.nodes, 'node')}`, varietyOf(variety.group, variety.windowMs)],
    ['balance', balanceOf(self.balance)],
    [
      'foresight',
      foresight === null
        ? 'nothing has been foretold yet'
        : `${count(foresight.forecasts, 'forecast')}, ${againstNaive(foresight.errorAgainstNaive)}the 80 % band held ${formatShare(foresight.bandHeld)}`,
    ],
  ])
  const lists = [
    section(
      'What regulates',
      variety.regulators.map(
        ({ name, kind, effect, unit, what }) => `${kind} ${name}: ${formatFigure(effect)} ${unit} (${printableLine(what)})`,
      ),
    ),
    section(
      'Asked for in vain',
      variety.unmet.map(
        ({ tool, cause, calls, remedy, requested, last }) =>
          `${printableLine(tool)}: ${cause}, ${count(calls, 'time')}, last ${formatAgo(last, now)}; ${printableLine(remedy)}${requested ? ' (searched for)' : ''}`,
      ),
    ),
    section(
      'I expect of the next tick',
      self.expects.map(
        ({ subject, measure, mean, low, high }) =>
          `${measure} of ${printableLine(subject)}: ${formatFigure(mean)} (${formatFigure(low)} to ${formatFigure(high)})`,
      ),
    ),
    section(
      'I noticed',
      self.noticed
        .toReversed()
        .map(
          ({ at, subject, measure, change, probability }) =>
            `${formatAgo(at, now)}: a ${change} of ${measure} of ${printableLine(subject)} (${formatShare(probability)})`,
        ),
    ),
    section(
      'Was decided',
      self.decided
        .toReversed()
        .map(
          ({ at, what, by, why }) =>
            `${formatAgo(at, now)}: ${printableLine(what)}, by ${printableLine(by)}: ${printableLine(why)}`,
        ),
    ),
  ]
  return [head, ...lists.flatMap((list) => (list === undefined ? [] : [list(terminal)]))].join('\n\n')
}

function varietyOf(
  { calls, demandBits, responseBits, outcomeBits, residualBits, unmatchedBits }: VarietyView,
  windowMs: number,
): string {
  if (calls === 0) return `nothing in the last ${formatDuration(windowMs)}`
  const bits = (value: number): string => value.toFixed(2)
  return (
    `${count(calls, 'call')} in ${formatDuration(windowMs)}; bits: demand ${bits(demandBits)}, response ${bits(responseBits)}, ` +
    `unmatched ${bits(unmatchedBits)}, outcome ${bits(outcomeBits)}, residual ${bits(residualBits)}`
  )
}

function balanceOf({ system3, system4, starved }: SelfView['balance']): string {
  const side = ({ resourced, proposed }: SelfView['balance']['system3']): string => `${resourced} of ${proposed} resourced`
  const tilt = starved === null ? '' : `; ${starved} starves, and comes first`
  return `System 3 ${side(system3)}, System 4 ${side(system4)}${tilt}`
}

function againstNaive(ratio: number | null): string {
  return ratio === null ? '' : `${formatFigure(ratio)} × the error of "as now", `
}

function section(title: string, lines: readonly string[]): ((terminal: Terminal) => string) | undefined {
  if (lines.length === 0) return undefined
  const shown = lines.slice(0, SHOWN)
  const more = lines.length > SHOWN ? [`  … and ${lines.length - SHOWN} more: --json`] : []
  return (terminal) => [terminal.style('bold', title), ...shown.map((line) => `  ${line}`), ...more].join('\n')
}
