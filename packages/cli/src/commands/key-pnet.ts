import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { FileError } from '../errors.ts'
import { examples, notes, type Open } from './command.ts'

export function definePnet(command: Command, open: Open): void {
  command
    .summary('make the key of a private network')
    .description(
      'Make a key for an outer cipher around every connection. All nodes need the same file; invitations do not carry it.',
    )
    .requiredOption('--new <file>', 'write a new key into this file, which must not be there yet')
    .addHelpText(
      'after',
      notes(
        'It hides what is spoken from whoever lacks it. It lets nobody in, and keeps no member out: invitations and "evict" do.',
      ),
    )
    .addHelpText(
      'after',
      examples('vsmcp key pnet --new pnet.key', 'vsmcp up --pnet-key pnet.key', 'vsmcp join TOKEN --pnet-key pnet.key'),
    )
    .action(async ({ new: path }: { new: string }) => {
      const { cwd, terminal } = open(command)
      const file = resolve(cwd, path)
      const { newPnetKey } = await import('@vsmcp/node')
      try {
        await writeFile(file, newPnetKey(), { mode: 0o600, flag: 'wx' })
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException
        const why = code === 'EEXIST' ? 'there is a file already' : message
        throw new FileError(`no key was written to ${file}: ${why}`, { hint: 'Name a file that is not there yet.', cause })
      }
      terminal.answer({ file }, () => `wrote a pnet key to ${file}: give the same file to every node, by a way of your own`)
    })
}
