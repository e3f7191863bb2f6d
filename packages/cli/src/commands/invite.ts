import { NodeError } from '@vsmcp/api'
import { systemClock } from '@vsmcp/kernel'
import type { InvitationView, MemberRole } from '@vsmcp/node'
import type { Command } from 'commander'
import { ABSENCE_MS, INVITATION_TTL_MS } from '../constants.ts'
import { UsageError } from '../errors.ts'
import { duration, durationOption, oneOf, wholeNumber } from '../options.ts'
import { addCommonOptions } from '../session.ts'
import { formatAgo, shortPeer } from '../terminal/format.ts'
import { printableLine } from '../terminal/printable.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { type Define, examples, notes, type Open } from './command.ts'

interface CreateOptions {
  role: MemberRole
  ttl: number
  uses: number
  ephemeral?: true
  absence?: number
  group?: string
  delegateOf?: string
}

export const define: Define = (command, open) => {
  command.description('Make, list and revoke invitations. Without a word, one is made.')
  command.enablePositionalOptions().helpCommand(false)
  defineCreate(addCommonOptions(command.command('create', { isDefault: true })), open)
  defineList(addCommonOptions(command.command('ls')), open)
  defineRevoke(addCommonOptions(command.command('revoke')), open)
  command.addHelpText('after', examples('vsmcp invite', 'vsmcp invite --role edge --ttl 1h --uses 5', 'vsmcp invite ls'))
}

function defineCreate(command: Command, open: Open): void {
  command
    .description('Make an invitation and print its token. The token is shown this once: whoever has it may join.')
    .option(
      '--role <role>',
      'what the newcomer becomes: member, or edge (rarely a voter)',
      oneOf('--role', ['member', 'edge']),
      'member',
    )
    .addOption(durationOption('--ttl <duration>', 'how long it is good for', INVITATION_TTL_MS))
    .option('--uses <n>', 'how many nodes may use it', wholeNumber('--uses', 1), 1)
    .option('--ephemeral', 'who joins is forgotten after an absence: for nodes that come and go by themselves')
    .option('--absence <duration>', 'how long, with --ephemeral (default: 10m)', duration('--absence'))
    .option('--group <path>', 'into this group, in which the node that is asked has a seat (default: its home group)')
    .option('--delegate-of <path>', 'who joins speaks here for this group below: see "vsmcp group delegate"')
    .addHelpText('after', notes('The token alone goes to stdout: TOKEN=$(vsmcp invite).'))
    .addHelpText(
      'after',
      examples('vsmcp invite', 'vsmcp invite --role edge --ttl 1h --uses 5', 'vsmcp invite --ephemeral --uses 50'),
    )
    .action(async ({ role, ttl, uses, ephemeral, absence, group, delegateOf }: CreateOptions) => {
      if (absence !== undefined && ephemeral === undefined) {
        throw new UsageError('--absence is for ephemeral members', { hint: 'Add --ephemeral, or leave --absence out.' })
      }
      const absenceMs = ephemeral === undefined ? {} : { absenceMs: absence ?? ABSENCE_MS }
      const where = { ...(group === undefined ? {} : { group }), ...(delegateOf === undefined ? {} : { delegateOf }) }
      const { node, terminal } = open(command)
      const creating = node.createInvitation({ role, ttlMs: ttl, uses, ...absenceMs, ...where })
      const invitation = await terminal.during('asking the group', creating)
      for (const warning of invitation.warnings) terminal.warn(warning)
      terminal.answer(invitation, ({ token }) => token)
      const expires = formatAgo(invitation.expiresAt, systemClock.wallMs())
      terminal.remark(`Invitation ${invitation.id} expires ${expires}. On the other machine: vsmcp join TOKEN && vsmcp up`)
    })
}

function defineList(command: Command, open: Open): void {
  command
    .summary('list the invitations of the group')
    .description('List the invitations of the group. Their tokens are not kept.')
    .addHelpText('after', examples('vsmcp invite ls'))
    .action(async () => {
      const { node, terminal } = open(command)
      const invitations = await terminal.during('asking the node', node.invitations())
      terminal.answer(invitations, (all) => render(all, terminal))
    })
}

function defineRevoke(command: Command, open: Open): void {
  command
    .summary('make an invitation useless')
    .description('Make an invitation useless. Who has joined with it stays a member.')
    .argument('<id>', 'as "vsmcp invite ls" lists it')
    .addHelpText('after', examples('vsmcp invite revoke 3f9c2a'))
    .action(async (id: string) => {
      const { node, terminal } = open(command)
      try {
        await terminal.during('asking the group', node.revokeInvitation(id))
      } catch (error) {
        // The group refuses one it does not know, too; who asks was not denied anything then.
        const isRefused = error instanceof NodeError && error.code === 'VSMCP_NODE_REFUSED'
        if (!isRefused || (await node.invitations()).some((each) => each.id === id)) throw error
        throw new UsageError(`there is no invitation ${id}`, { hint: '"vsmcp invite ls" lists them.', cause: error })
      }
      terminal.answer({ revoked: id }, ({ revoked }) => `revoked ${revoked}`)
    })
}

function render(invitations: readonly InvitationView[], terminal: Terminal): string {
  if (invitations.length === 0) return 'no invitations'
  const now = systemClock.wallMs()
  const rows = invitations.map((invitation) => [
    printableLine(invitation.id),
    invitation.state,
    invitation.absenceMs === undefined ? invitation.role : `${invitation.role}, ephemeral`,
    `${invitation.used} of ${invitation.uses}`,
    formatAgo(invitation.expiresAt, now),
    shortPeer(invitation.createdBy),
  ])
  return terminal.table(['ID', 'STATE', 'ROLE', 'USED', 'EXPIRES', 'BY'], rows)
}
