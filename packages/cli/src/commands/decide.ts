import { oneOf } from '../options.ts'
import { type Define, examples, notes } from './command.ts'
import { whatIsAsked } from './proposals.ts'

const ANSWERS = ['accept', 'refuse'] as const

export const define: Define = (command, open) => {
  command
    .description('Decide what System 5 leaves to a person.')
    .argument('<id>', 'as "vsmcp proposals" lists it')
    .argument('<answer>', 'accept or refuse', oneOf('<answer>', ANSWERS))
    .requiredOption('--reason <text>', 'why; kept with the decision')
    .addHelpText(
      'after',
      notes(
        'The identity of the group and the ceilings of its policies hold for people, too: what contradicts them is not accepted.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp decide 5f0c12ab34cd accept --reason "the server can take it"',
        'vsmcp decide 5f0c12ab34cd refuse --reason "one line at a time"',
      ),
    )
    .action(async (id: string, answer: (typeof ANSWERS)[number], { reason }: { reason: string }) => {
      const { node, terminal } = open(command)
      const asked = node.decideProposal({ id, accept: answer === 'accept', reason })
      const decided = await terminal.during('asking the group', asked)
      terminal.answer(decided, (each) => `${each.decision?.verdict ?? answer}: ${whatIsAsked(each)}`)
    })
}
