import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .argument('<name>', 'of a unit of this node')
    .addHelpText(
      'after',
      notes(
        'Its tools go from every list; calls in flight are drained first. A unit of another node is',
        'refused with the name of that node: detach it there.',
      ),
    )
    .addHelpText('after', examples('vsmcp detach files'))
    .action(async (name: string) => {
      const { node, terminal } = open(command)
      await terminal.during(`detaching ${name}`, node.detach(name))
      terminal.answer({ detached: name }, ({ detached }) => `detached ${detached}`)
    })
}
