import { DOWN_TIMEOUT_MS } from '../constants.ts'
import { durationOption } from '../options.ts'
import { type Define, examples, notes } from './command.ts'
import { stop } from './down.ts'

export const define: Define = (command, open) => {
  command
    .addOption(durationOption('--timeout <duration>', 'give up waiting after this', DOWN_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'The node hands over leadership, drops out of the voters, says goodbye and stops. Its credential is worth nothing',
        'afterwards: to come back it needs a new invitation. To stop it only, use "vsmcp down".',
      ),
    )
    .addHelpText('after', examples('vsmcp leave'))
    .action(async ({ timeout }: { timeout: number }) => {
      const session = open(command)
      const { terminal, node } = session
      const pid = await terminal.during(
        'leaving',
        stop(session, timeout, () => node.leave()),
      )
      terminal.answer({ left: true, pid }, () => 'left the mesh; the node has stopped')
    })
}
