import { addSigningOptions, openSigner, type SigningOptions } from '../operator/signing.ts'
import { type GroupOption, groupOption, inGroup } from '../options.ts'
import { printableLine } from '../terminal/printable.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  addSigningOptions(command)
    .argument('<member>', 'its name, or its PeerId')
    .addOption(groupOption('from this group, in which the node has a seat (default: its home group)'))
    .addHelpText(
      'after',
      notes(
        'Its credential opens nothing any more: every node cuts the connection as soon as it hears of it, and the node itself',
        'stops when it is told. It need not be up. A voter is first replaced; when the group could not decide without it, the',
        'eviction is refused, and says what to do.',
      ),
    )
    .addHelpText(
      'after',
      examples('vsmcp evict laptop-3 --reason "stolen"', 'vsmcp evict 12D3KooW… --reason "unknown" --operator-key me.key'),
    )
    .action(async (member: string, options: SigningOptions & GroupOption) => {
      const session = open(command)
      const { node, terminal } = session
      const where = inGroup(options)
      const charter = await terminal.during('asking the group', node.charter(where))
      const { peerId, name, joinedAtIndex, untilMs } = await node.draftEviction(member, where)
      const { signer, ...signed } = await openSigner(options, session, charter)
      const order = signer.sign({ op: 'member:evict', peer: peerId, joinedAtIndex, untilMs, ...signed } as const)
      await terminal.during(`evicting ${printableLine(name)}`, node.evict({ ...order, ...where }))
      terminal.answer({ evicted: peerId, name, by: signer.name }, () => `evicted ${printableLine(name)} (${peerId})`)
    })
}
