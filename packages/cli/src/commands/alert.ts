import { systemClock } from '@vsmcp/kernel'
import type { AlertEvent, AlertRequest, AlertView } from '@vsmcp/node'
import type { Command } from 'commander'
import { oneOf } from '../options.ts'
import { addCommonOptions } from '../session.ts'
import { formatAgo } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

const SEVERITY_STYLE = { low: 'dim', high: 'yellow', critical: 'red' } as const

interface RaiseOptions {
  severity: AlertRequest['severity']
  unit?: string
  text: string
  pleasure?: true
}

export const define: Define = (command, open) => {
  command.description(
    'Pain that is not remedied, from any node, unit or client, and what became of it. Without a word, it is listed.',
  )
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineWatch(addCommonOptions(command.command('watch')), open)
  defineRaise(addCommonOptions(command.command('raise')), open)
  defineAck(addCommonOptions(command.command('ack')), open)
  defineResolve(addCommonOptions(command.command('resolve')), open)
  command.addHelpText(
    'after',
    examples(
      'vsmcp alert ls',
      'vsmcp alert watch',
      'vsmcp alert ack 5f0c12ab34cd',
      'vsmcp alert resolve 5f0c12ab34cd --reason "new disk"',
    ),
  )
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list what is not remedied')
    .description('List what is not remedied, the most severe first.')
    .option('--all', 'also what is over, as far as it is remembered')
    .addHelpText('after', examples('vsmcp alert ls', 'vsmcp alert ls --json | jq \'.[] | select(.level == "above")\''))
    .action(async ({ all = false }: { all?: boolean }) => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.alerts({ all })), (alerts) => render(alerts, terminal))
    })
}

function defineWatch(command: Command, open: Open): void {
  command
    .summary('see alerts as they come and go')
    .description('Show what is open, then whatever becomes of alerts, until it is stopped.')
    .addHelpText(
      'after',
      examples('vsmcp alert watch', 'vsmcp alert watch --json | jq -r \'select(.event == "raised").alert.subject\''),
    )
    .action(async () => {
      const { node, terminal } = open(command)
      for await (const event of node.watchAlerts({})) {
        await terminal.line(terminal.json ? JSON.stringify(event) : renderEvent(event, terminal))
      }
    })
}

function defineRaise(command: Command, open: Open): void {
  command
    .summary('tell System 5 of something')
    .description('Tell System 5 of pain (or pleasure), straight. While there is none, this node keeps it and tells the next one.')
    .argument('<subject>', 'what hurts, as the subject of a mail; the same again is the same alert')
    .option('--severity <severity>', 'low, high or critical', oneOf('--severity', ['low', 'high', 'critical']), 'high')
    .option('--unit <name>', 'the unit it is about')
    .option('--text <text>', 'what else there is to say', '')
    .option('--pleasure', 'it is good news: noted, with nothing to remedy')
    .addHelpText('after', examples('vsmcp alert raise "invoices come out empty" --unit invoices --severity critical'))
    .action(async (subject: string, { severity, unit, text, pleasure }: RaiseOptions) => {
      const { node, terminal } = open(command)
      const feeling = pleasure === true ? 'pleasure' : 'pain'
      const request: AlertRequest = { feeling, severity, subject, text, ...(unit === undefined ? {} : { unit }) }
      const raised = await terminal.during('telling System 5', node.raiseAlert(request))
      if (!raised.decided) terminal.warn('no System 5 has it yet: this node keeps it, and delivers it as soon as there is one')
      terminal.answer(raised, ({ id, outcome }) => `${outcome} ${id}`)
    })
}

function defineAck(command: Command, open: Open): void {
  command
    .summary('say that somebody sees to it')
    .description('Say that somebody sees to an alert. It stays open, and climbs, until it is remedied.')
    .argument('<id>', 'as "vsmcp alert ls" lists it')
    .option('--reason <text>', 'who, or how', '')
    .addHelpText('after', examples('vsmcp alert ack 5f0c12ab34cd --reason "Ada is on it"'))
    .action(async (id: string, { reason }: { reason: string }) => {
      const { node, terminal } = open(command)
      await terminal.during('asking the group', node.acknowledgeAlert({ id, reason }))
      terminal.answer({ acknowledged: id }, ({ acknowledged }) => `acknowledged ${acknowledged}`)
    })
}

function defineResolve(command: Command, open: Open): void {
  command
    .summary('say that it is remedied')
    .description('Say that an alert is remedied. If its node still feels it, there is a new one.')
    .argument('<id>', 'as "vsmcp alert ls" lists it')
    .requiredOption('--reason <text>', 'what was done')
    .addHelpText('after', notes('Which node it was said at, and the reason, are kept with the alert.'))
    .addHelpText('after', examples('vsmcp alert resolve 5f0c12ab34cd --reason "new disk"'))
    .action(async (id: string, { reason }: { reason: string }) => {
      const { node, terminal } = open(command)
      await terminal.during('asking the group', node.resolveAlert({ id, reason }))
      terminal.answer({ resolved: id }, ({ resolved }) => `resolved ${resolved}`)
    })
}

function render(alerts: readonly AlertView[], terminal: Terminal): string {
  if (alerts.length === 0) return 'no alerts'
  const now = systemClock.wallMs()
  const rows = alerts.map((alert) => [
    printableLine(alert.id),
    terminal.style(SEVERITY_STYLE[alert.severity], alert.severity),
    levelOf(alert),
    stateOf(alert),
    formatAgo(alert.onset, now),
    String(alert.count),
    alert.due === null ? '-' : formatAgo(alert.due, now),
    printableLine(alert.nodeName),
    printableLine(alert.unit ?? '-'),
    printableLine(alert.text === '' ? alert.subject : `${alert.subject}: ${alert.text}`),
  ])
  return terminal.table(['ID', 'SEVERITY', 'LEVEL', 'STATE', 'SINCE', 'FELT', 'CLIMBS', 'NODE', 'UNIT', 'WHAT'], rows)
}

/** What only this node knows is told apart. */
function levelOf({ level, decided, state }: AlertView): string {
  return decided || level === 'node' || state === 'over' ? level : `${level}, not delivered`
}

function stateOf({ state, acknowledged, over, feeling }: AlertView): string {
  if (feeling === 'pleasure') return 'pleasure'
  const mark = state === 'over' ? over : state === 'acknowledged' ? acknowledged : undefined
  const why = mark === undefined || mark.reason === '' ? '' : `: ${printableLine(mark.reason)}`
  return `${state}${mark === undefined ? '' : ` by ${printableLine(mark.byName)}`}${why}`
}

function renderEvent({ event, at, alert }: AlertEvent, terminal: Terminal): string {
  const severity = terminal.style(SEVERITY_STYLE[alert.severity], alert.severity.padEnd(8))
  const what = `${printableLine(alert.nodeName)}${alert.unit === undefined ? '' : `/${printableLine(alert.unit)}`}: ${printableLine(alert.subject)}`
  return `${terminal.style('dim', at)} ${severity} ${event.padEnd(12)} ${printableLine(alert.id)} ${what} (${levelOf(alert)}, ${stateOf(alert)})`
}
