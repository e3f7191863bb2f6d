import { systemClock } from '@vsmcp/kernel'
import type { ProposalView } from '@vsmcp/node'
import type { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { addCommonOptions } from '../session.ts'
import { formatFigure } from '../terminal/figure.ts'
import { formatAgo, formatDuration, formatShare } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

const STATE_STYLE = {
  waiting: 'yellow',
  person: 'yellow',
  refused: 'dim',
  'in-force': 'green',
  met: 'green',
  unmet: 'red',
  lapsed: 'dim',
  disobeyed: 'red',
  ended: 'dim',
} as const satisfies Record<ProposalView['state'], string>

export const define: Define = (command, open) => {
  command.description('What Systems 3 and 4 ask of System 5, and what became of it. Without a word, it is listed.')
  command.enablePositionalOptions().helpCommand(false)
  defineList(addCommonOptions(command.command('ls', { isDefault: true })), open)
  defineShow(addCommonOptions(command.command('show')), open)
  command.addHelpText('after', examples('vsmcp proposals', 'vsmcp proposals show 5f0c12ab34cd'))
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list what waits and what is in force')
    .description('List what waits for a decision, a person first, and what is in force.')
    .option('--all', 'also what is over, as far as it is remembered')
    .addHelpText(
      'after',
      notes(
        'State "person": the policies leave it to you, see "vsmcp decide". "in-force": given, its effect is looked at.',
        'Level "node": the node decides it for itself. The policies are in the file of "vsmcp policy set": docs/governing.md.',
      ),
    )
    .addHelpText('after', examples('vsmcp proposals', 'vsmcp proposals --all --json | jq \'.[] | select(.state == "unmet")\''))
    .action(async ({ all = false }: { all?: boolean }) => {
      const { node, terminal } = open(command)
      terminal.answer(await terminal.during('asking the node', node.proposals({ all })), (each) => render(each, terminal))
    })
}

function defineShow(command: Command, open: Open): void {
  command
    .summary('show one with its evidence')
    .description('Show one proposal with its evidence, the decision, its reason, and what was measured afterwards.')
    .argument('<id>', 'as "vsmcp proposals" lists it')
    .addHelpText(
      'after',
      examples('vsmcp proposals show 5f0c12ab34cd', "vsmcp proposals show 5f0c12ab34cd --json | jq '.evidence'"),
    )
    .action(async (id: string) => {
      const { node, terminal } = open(command)
      const all = await terminal.during('asking the node', node.proposals({ all: true }))
      const proposal = all.find((each) => each.id === id)
      if (proposal === undefined) {
        throw new UsageError(`there is no proposal ${id}, or it is over for long`, { hint: 'See "vsmcp proposals --all".' })
      }
      terminal.answer(proposal, renderOne)
    })
}

/** `weight 1 to 2 for files on mill` */
export function whatIsAsked({ kind, subject, atName, asked, held }: ProposalView): string {
  const where = `${printableLine(subject)} on ${printableLine(atName)}`
  if (kind === 'capability') return `search for ${printableLine(subject)}`
  if (kind === 'quarantine') return `quarantine of ${where}`
  return `${kind} ${formatFigure(held)} to ${formatFigure(asked)} for ${where}`
}

function render(proposals: readonly ProposalView[], terminal: Terminal): string {
  if (proposals.length === 0) return 'nothing is proposed'
  const now = systemClock.wallMs()
  const rows = proposals.map((each) => [
    printableLine(each.id),
    terminal.style(STATE_STYLE[each.state], each.state),
    each.level,
    each.from,
    formatAgo(each.proposedAt, now),
    whatIsAsked(each),
    formatShare(each.evidence.probability),
    printableLine(each.closure?.reason ?? each.decision?.reason ?? each.evidence.text),
  ])
  return terminal.table(['ID', 'STATE', 'LEVEL', 'FROM', 'SINCE', 'ASKS FOR', 'EVIDENCE', 'WHY'], rows)
}

function renderOne(each: ProposalView): string {
  const { evidence, effect, decision, directive, closure } = each
  const now = systemClock.wallMs()
  const figures = evidence.figures.map(({ name, value }) => `${printableLine(name)} ${formatFigure(value)}`)
  const measured = closure?.measured == null ? '' : `, measured ${formatFigure(closure.measured)}`
  const seconds = each.seconds.map(printableLine).join(', ')
  return renderPairs([
    ['asks for', whatIsAsked(each)],
    [
      'by',
      `${each.from} of ${printableLine(each.nodeName)}, ${formatAgo(each.proposedAt, now)}${seconds === '' ? '' : `; so do ${seconds}`}`,
    ],
    ['evidence', `${formatShare(evidence.probability)} after ${evidence.samples}: ${printableLine(evidence.text)}`],
    ['', figures.join(', ')],
    ['effect', `${effect.metric} from ${formatFigure(effect.before)} to ${formatFigure(effect.goal)}`],
    ['state', each.state],
    [
      'decision',
      decision === null
        ? 'none yet'
        : `${decision.verdict} by ${decision.by === 'person' ? `a person at ${printableLine(decision.authorName)}` : decision.clause}, after ${formatDuration(decision.latencyMs)}: ${printableLine(decision.reason)}`,
    ],
    [
      'directive',
      directive === null
        ? 'none'
        : `${formatFigure(directive.value)}, attempt ${directive.attempt}, looked at until ${directive.checkAt}, in force until ${directive.expiresAt}`,
    ],
    ['closure', closure === null ? '-' : `${closure.outcome}${measured}: ${printableLine(closure.reason)}`],
  ])
}
