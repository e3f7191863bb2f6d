import { systemClock } from '@vsmcp/kernel'
import type { ScheduleAdded, ScheduleRequest, ScheduleView } from '@vsmcp/node'
import type { Command } from 'commander'
import { SCHEDULE_TIMEOUT_MS } from '../constants.ts'
import { UsageError } from '../errors.ts'
import { durationOption, oneOf } from '../options.ts'
import { addCommonOptions } from '../session.ts'
import { parseToolArgs } from '../tool-args.ts'
import { formatAgo, formatDuration } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

interface AddOptions {
  cron: string
  tool: string
  args?: string
  tz: string
  missed: 'skip' | 'once' | 'all'
  idempotent?: true
  timeout: number
  node?: string
}

const OUTCOME_STYLE = { done: 'green', failed: 'red', unknown: 'yellow', skipped: 'dim' } as const

export const define: Define = (command, open) => {
  command.description(
    'Have tools called again and again: the group sees to it, whoever leads. Without a word, schedules are listed.',
  )
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineAdd(addCommonOptions(command.command('add')), open)
  defineShow(addCommonOptions(command.command('show')), open)
  defineRemove(addCommonOptions(command.command('rm')), open)
  command.addHelpText(
    'after',
    examples(
      "vsmcp schedule add nightly --cron '30 3 * * *' --tz Europe/Berlin --tool files__sweep",
      'vsmcp schedule ls',
      'vsmcp schedule show nightly',
    ),
  )
}

function defineAdd(command: Command, open: Open): void {
  command
    .summary('have a tool called at the times of a cron pattern')
    .description('Have a tool called at the times of a cron pattern. The same again is "unchanged".')
    .argument('<name>', 'of the schedule')
    .requiredOption('--cron <pattern>', 'five fields, or six with seconds first; at least five seconds apart')
    .requiredOption('--tool <tool>', 'as "vsmcp tools" lists it; UNIT__TOOL always works')
    .option('--args <json>', 'its arguments: a JSON object, "@FILE", or "-" for standard input')
    .option('--tz <zone>', 'the time zone of the pattern, such as Europe/Berlin', 'UTC')
    .option(
      '--missed <what>',
      'what becomes of runs nobody was there for: skip, once (the latest is run late), or all (up to 100)',
      oneOf('--missed', ['skip', 'once', 'all']),
      'skip' as const,
    )
    .option('--idempotent', 'a run of which nobody knows how far it came is begun again, three times in all')
    .addOption(durationOption('--timeout <duration>', 'until a run is given up', SCHEDULE_TIMEOUT_MS))
    .option('--node <node>', 'the member that runs it, by name or PeerId (default: the one that hosts the tool)')
    .addHelpText(
      'after',
      notes(
        'No occurrence is begun twice, whoever leads and whoever crashes. When its node dies while it runs, its outcome is unknown,',
        'and it is begun again only with --idempotent. What becomes due while the one before still runs is skipped, and shown so.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        "vsmcp schedule add nightly --cron '30 3 * * *' --tz Europe/Berlin --tool files__sweep",
        "vsmcp schedule add poll --cron '*/5 * * * *' --tool plc__read --args '{\"register\":7}' --idempotent --missed once",
      ),
    )
    .action(async (name: string, options: AddOptions) => {
      const session = open(command)
      const { node, terminal } = session
      const { cron, tool, tz, missed, idempotent, timeout } = options
      const request: ScheduleRequest = {
        name,
        cron,
        timezone: tz,
        tool,
        args: await parseToolArgs(options.args, session),
        missed,
        idempotent: idempotent === true,
        timeoutMs: timeout,
        ...(options.node === undefined ? {} : { node: options.node }),
      }
      const added = await terminal.during('asking the group', node.addSchedule(request))
      for (const warning of added.warnings) terminal.warn(warning)
      terminal.answer(added, renderAdded)
    })
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list the schedules of the group')
    .description('List the schedules of the group.')
    .addHelpText('after', examples('vsmcp schedule ls'))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.schedules()), (all) => renderAll(all, terminal))
    })
}

function defineShow(command: Command, open: Open): void {
  command
    .summary('show a schedule and what became of its latest occurrences')
    .description('Show a schedule and what became of its latest occurrences.')
    .argument('<name>', 'as "vsmcp schedule ls" lists it')
    .addHelpText('after', examples('vsmcp schedule show nightly', "vsmcp schedule show nightly --json | jq '.recent[0]'"))
    .action(async (name: string) => {
      const { node, terminal } = open(command)
      const all = await terminal.during('asking the node', node.schedules())
      const found = all.find((each) => each.name === name)
      if (found === undefined) {
        throw new UsageError(`there is no schedule ${name}`, { hint: '"vsmcp schedule ls" lists them.' })
      }
      terminal.answer(found, (schedule) => renderOne(schedule, terminal))
    })
}

function defineRemove(command: Command, open: Open): void {
  command
    .summary('remove a schedule')
    .description('Remove a schedule. What is being run goes on; nothing more is begun.')
    .argument('<name>', 'as "vsmcp schedule ls" lists it')
    .addHelpText('after', examples('vsmcp schedule rm nightly'))
    .action(async (name: string) => {
      const { node, terminal } = open(command)
      await terminal.during('asking the group', node.removeSchedule(name))
      terminal.answer({ removed: name }, ({ removed }) => `removed ${printableLine(removed)}`)
    })
}

function renderAdded({ outcome, name, next }: ScheduleAdded): string {
  return `${printableLine(name)}: ${outcome}; next ${next.join(', ')}`
}

function renderAll(schedules: readonly ScheduleView[], terminal: Terminal): string {
  if (schedules.length === 0) return 'no schedules'
  const now = systemClock.wallMs()
  const rows = schedules.map(({ name, cron, timezone, tool, next, problem, running, recent }) => {
    const [last] = recent
    return [
      printableLine(name),
      printableLine(`${cron} ${timezone}`),
      printableLine(tool),
      problem === undefined ? (next === null ? 'never' : formatAgo(next, now)) : terminal.style('red', printableLine(problem)),
      running === null ? '-' : `${running.state} on ${printableLine(running.nodeName)}`,
      last === undefined ? '-' : `${terminal.style(OUTCOME_STYLE[last.outcome], last.outcome)} ${formatAgo(last.due, now)}`,
    ]
  })
  return terminal.table(['NAME', 'CRON', 'TOOL', 'NEXT', 'NOW', 'LAST'], rows)
}

function renderOne(schedule: ScheduleView, terminal: Terminal): string {
  const { name, cron, timezone, tool, args, missed, idempotent, timeoutMs, nodeName, next, problem, running, waiting } = schedule
  const lines = [
    `${printableLine(name)}: ${printableLine(tool)} ${printableLine(JSON.stringify(args))}`,
    `  ${printableLine(cron)} ${printableLine(timezone)}, missed: ${missed}${idempotent ? ', idempotent' : ''}, given up after ${formatDuration(timeoutMs)}` +
      (nodeName === undefined ? '' : `, on ${printableLine(nodeName)}`),
    `  next: ${problem === undefined ? (next ?? 'never') : printableLine(problem)}`,
    ...(running === null
      ? []
      : [`  now: ${running.due} ${running.state} on ${printableLine(running.nodeName)}, ${waiting} waiting`]),
  ]
  const rows = schedule.recent.map(({ due, outcome, reason, nodeName: where, startedAt, endedAt, attempt, lastDue, count }) => [
    lastDue === undefined ? due : `${due} to ${lastDue}`,
    terminal.style(OUTCOME_STYLE[outcome], count === undefined ? outcome : `${outcome} (${count})`),
    where === undefined ? '-' : printableLine(where),
    startedAt === undefined || endedAt === undefined ? '-' : formatDuration(Date.parse(endedAt) - Date.parse(startedAt)),
    attempt === undefined ? '-' : `${attempt}`,
    printableLine(reason) || '-',
  ])
  if (rows.length === 0) return lines.join('\n')
  return `${lines.join('\n')}\n${terminal.table(['DUE', 'OUTCOME', 'NODE', 'TOOK', 'ATTEMPT', 'WHY'], rows)}`
}
