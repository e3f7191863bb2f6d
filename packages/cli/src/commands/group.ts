import { systemClock } from '@vsmcp/kernel'
import type { CharterView, GroupView, MoveOrder, SignedMove } from '@vsmcp/node'
import type { Command } from 'commander'
import { addSigningOptions, openSigner, type SigningOptions } from '../operator/signing.ts'
import { addCommonOptions, type Session } from '../session.ts'
import { formatFigure, formatShare } from '../terminal/figure.ts'
import { formatAgo } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

export const define: Define = (command, open) => {
  command.description(
    'Groups within groups: each decides for itself, and is called by the group above like one unit. Without a word, they are listed.',
  )
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineCreate(addCommonOptions(command.command('create')), open)
  defineShow(addCommonOptions(command.command('show')), open)
  defineRename(addCommonOptions(command.command('rename')), open)
  defineMove(addCommonOptions(command.command('move')), open)
  defineRemove(addCommonOptions(command.command('rm')), open)
  defineDelegate(addCommonOptions(command.command('delegate')), open)
  command.addHelpText(
    'after',
    examples('vsmcp group create plant-7', 'vsmcp invite --group /plant-7', 'vsmcp group ls', 'vsmcp group show /plant-7'),
  )
}

function defineCreate(command: Command, open: Open): void {
  command
    .summary('found a group below one that this node takes part in')
    .description('Found a group below one that this node takes part in.')
    .argument('<path>', 'its name below the home group of this node, or a whole path such as /eu/plant-7')
    .addHelpText(
      'after',
      notes(
        'This node is its first member and speaks for it above, until three others have their home in it and two of them speak for',
        'it; then it leaves by itself. Asked again after it was cut off, it goes on where it was.',
      ),
    )
    .addHelpText('after', examples('vsmcp group create plant-7', 'vsmcp group create /eu/plant-7'))
    .action(async (path: string) => {
      const { node, terminal } = open(command)
      const group = await terminal.during(`founding ${printableLine(path)}`, node.createGroup({ path }))
      terminal.answer(group, (made) => `${made.path} ${made.id}`)
      terminal.remark(`To let nodes into it: vsmcp invite --group ${group.path}`)
    })
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list the groups this node takes part in, and those below them')
    .description('List the groups this node takes part in, and those below them.')
    .addHelpText('after', examples('vsmcp group ls', "vsmcp group ls --json | jq -r '.[].path'"))
    .action(async () => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.groups()), (groups) => renderAll(groups, terminal))
    })
}

function defineShow(command: Command, open: Open): void {
  command
    .summary('show a group: who is in it, who speaks for it, what is above and below')
    .description('Show a group: who is in it, who speaks for it, what is above and below.')
    .argument('<path>', 'as "vsmcp group ls" lists it')
    .addHelpText('after', examples('vsmcp group show /eu/plant-7'))
    .action(async (path: string) => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.group(path)), (group) => renderOne(group, terminal))
    })
}

function defineRename(command: Command, open: Open): void {
  command
    .summary('give a group another name')
    .description('Give a group another name: its path changes, and those of all below it. It stays the same group.')
    .argument('<path>', 'as "vsmcp group ls" lists it')
    .argument('<name>', 'the new last part of its path')
    .addHelpText('after', examples('vsmcp group rename /eu/plant-7 hall-7'))
    .action(async (group: string, name: string) => {
      const { node, terminal } = open(command)
      const renamed = await terminal.during('asking the group above', node.renameGroup({ group, name }))
      terminal.answer(renamed, ({ path }) => `renamed to ${path}`)
    })
}

interface MoveOptions extends SigningOptions {
  token?: string
}

function defineMove(command: Command, open: Open): void {
  addSigningOptions(command, 'it is to stand there')
    .summary('have a group stand below another one')
    .description('Have a group stand below another one, with all that is below it. It stays the same group.')
    .argument('<path>', 'as "vsmcp group ls" lists it; this node takes part in it')
    .argument('<to>', 'the group that it is to be below, or a path there that ends with another name for it')
    .option('--token <token>', 'of "vsmcp invite --group PATH" on a member of that group, where this node has no seat in it')
    .addHelpText(
      'after',
      notes(
        'An operator of the group signs it, since the groups above evict and direct. The group decides by itself: it moves also while',
        'the group above that was cannot be reached, which lets go of it when it hears of it. Cut off, the same command goes on.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp group move /eu/plant-7 /us',
        'vsmcp group move /eu/plant-7 /us/hall-7 --operator-key ops.key --token "$TOKEN"',
      ),
    )
    .action(async (group: string, to: string, { token, ...options }: MoveOptions) => {
      const session = open(command)
      const { node, terminal } = session
      const draft = node.draftGroupMove({ group, to, ...(token === undefined ? {} : { token }) })
      const { path, order } = await terminal.during('asking the groups', draft)
      const signed = order === null ? {} : { order: await signMove(order, options, session, await node.charter({ group })) }
      const moved = await terminal.during(
        `moving ${printableLine(group)} to ${printableLine(path)}`,
        node.moveGroup({ group, to, ...signed }),
      )
      terminal.answer(moved, (answer) => `moved to ${printableLine(answer.group.path)}`)
      if (moved.released === false)
        terminal.remark('The group above that was cannot be reached now: it lets go of it when it hears of it.')
    })
}

async function signMove(order: MoveOrder, options: SigningOptions, session: Session, charter: CharterView): Promise<SignedMove> {
  const { signer, ...why } = await openSigner(options, session, charter)
  return signer.sign({ ...order, ...why })
}

function defineRemove(command: Command, open: Open): void {
  command
    .summary('remove an empty group')
    .description('Remove a group in which nobody is but this node. Its id does not come back.')
    .argument('<path>', 'as "vsmcp group ls" lists it')
    .addHelpText('after', examples('vsmcp group rm /eu/plant-7'))
    .action(async (path: string) => {
      const { node, terminal } = open(command)
      await terminal.during('asking the group above', node.removeGroup(path))
      terminal.answer({ removed: path }, ({ removed }) => `removed ${printableLine(removed)}`)
    })
}

function defineDelegate(command: Command, open: Open): void {
  command
    .summary('have this node speak for its group in the one above')
    .description('Have this node take a seat in a further group, most often to speak for its own in the one above.')
    .argument('<token>', 'of "vsmcp invite --delegate-of PATH" on a member of the group above')
    .addHelpText(
      'after',
      notes(
        'A group sees to its delegates by itself. This is for one that has lost all of them: nobody can ask for it above then.',
      ),
    )
    .addHelpText('after', examples('vsmcp group delegate "$TOKEN"'))
    .action(async (token: string) => {
      const { node, terminal } = open(command)
      const group = await terminal.during('asking the group above', node.takeSeat({ token }))
      terminal.answer(group, ({ path }) => `has a seat in ${path}`)
    })
}

/** Of a group that is moved. */
const AWAITED = 'a place is kept for it: it is to come'

const PART = { home: 'home', seat: 'seat', none: '-' } as const

function renderAll(groups: readonly GroupView[], terminal: Terminal): string {
  const rows = groups.map((group) => [
    printableLine(group.path),
    PART[group.part],
    group.members === null ? '-' : `${group.members.alive} of ${group.members.known}`,
    group.leaderName === null ? '-' : printableLine(group.leaderName),
    delegatesOf(group, terminal),
    aboveOf(group, terminal),
    group.problem === null ? (group.awaited ? AWAITED : '-') : terminal.style('yellow', printableLine(group.problem)),
  ])
  return terminal.table(['PATH', 'HERE', 'ALIVE', 'SYSTEM 5', 'DELEGATES', 'ABOVE', 'PROBLEM'], rows)
}

function renderOne(group: GroupView, terminal: Terminal): string {
  const { path, id, part, members, leaderName, children, problem } = group
  const pairs: [string, string][] = [
    ['group', `${printableLine(path)}  ${id}`],
    ...(group.awaited ? ([['moves', AWAITED]] satisfies [string, string][]) : []),
    ['here', part === 'none' ? 'this node has no seat in it' : part],
    ...(members === null
      ? []
      : ([
          ['members', `${members.alive} of ${members.known} alive`],
          ['system 5', leaderName === null ? 'none' : printableLine(leaderName)],
          ['below', children.length === 0 ? '-' : children.map(printableLine).join(', ')],
        ] satisfies [string, string][])),
    ['delegates', delegatesOf(group, terminal)],
    ['above', aboveOf(group, terminal)],
    ...heldToOf(group, terminal),
    ...toldOf(group, terminal),
    ...(problem === null ? [] : ([['problem', terminal.style('yellow', printableLine(problem))]] satisfies [string, string][])),
  ]
  return renderPairs(pairs)
}

/** What the groups above hold it to. */
function heldToOf({ heldTo }: GroupView, terminal: Terminal): [string, string][] {
  return heldTo.map(({ id, order, reason, refused }, at) => {
    const why = reason === '' ? '' : `: ${printableLine(reason)}`
    const not = refused === null ? '' : terminal.style('red', `  not obeyed: ${printableLine(refused)}`)
    return [at === 0 ? 'held to' : '', `${printableLine(id)}  ${printableLine(order)}${why}${not}`]
  })
}

/** What the group says of itself and of all below it. */
function toldOf({ told }: GroupView, terminal: Terminal): [string, string][] {
  if (told === null) return []
  const { at, members, groups, toolNames, callsPerS, errorShare, capability, potentiality, demandBits, alertsOpen, alerts } = told
  const { followed } = told
  const errors = errorShare === null ? '' : `, ${formatShare(errorShare)} failed`
  const could = capability === null ? '' : `, could ${formatFigure(capability)}`
  const might = potentiality === null ? '' : `, might ${formatFigure(potentiality)}`
  return [
    ['says', formatAgo(at, systemClock.wallMs())],
    ['in all', `${members} nodes, ${groups} groups below, about ${toolNames} tool names`],
    ['calls', `${formatFigure(callsPerS)} per s${errors}${could}${might}; demand of ${formatFigure(demandBits)} bits`],
    ['alerts', alertsOpen === 0 ? '-' : `${alertsOpen} open`],
    ...alerts.map(({ severity, subject, acknowledged }): [string, string] => [
      '',
      `${severity === 'low' ? severity : terminal.style('red', severity)}  ${printableLine(subject)}${acknowledged ? '  (acknowledged)' : ''}`,
    ]),
    ...followed.map(({ id, state, reason }, index): [string, string] => {
      const is = state === 'refused' || state === 'unmet' ? terminal.style('red', state) : state
      return [index === 0 ? 'follows' : '', `${printableLine(id)}  ${is}${reason === '' ? '' : `: ${printableLine(reason)}`}`]
    }),
  ]
}

function delegatesOf({ delegates }: GroupView, terminal: Terminal): string {
  const names = delegates.map(({ name, alive }) =>
    alive ? printableLine(name) : terminal.style('red', `${printableLine(name)} (away)`),
  )
  return names.join(', ') || '-'
}

function aboveOf({ parent }: GroupView, terminal: Terminal): string {
  if (parent === null) return '-'
  const since = formatAgo(parent.since, systemClock.wallMs())
  return parent.reached
    ? printableLine(parent.path)
    : terminal.style('yellow', `${printableLine(parent.path)}, not reached since ${since}`)
}
