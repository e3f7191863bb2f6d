import { resolve } from 'node:path'
import { NoNodeError } from '@vsmcp/api'
import { VERSION } from '../constants.ts'
import type { Session } from '../session.ts'
import { formatBytes } from '../terminal/format.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .argument('<file>', 'where to; it must not be there yet')
    .addHelpText(
      'after',
      notes(
        'Holds the configuration, the units as they were attached, the way back into the mesh, and the charter and docket.',
        'The environments of units are in it, secrets included: the file is mode 0600, and is to be kept like a key. Never in',
        "it: votes, the consensus log, the node's own key, the mesh key. Works while the node runs and when it does not.",
      ),
    )
    .addHelpText('after', examples('vsmcp backup /backups/plant-7.vsmcp'))
    .action(async (path: string) => {
      const session = open(command)
      const { cwd, terminal } = session
      const file = resolve(cwd, path)
      const text = await terminal.during('collecting', textOf(session))
      const { writeBackup } = await import('@vsmcp/node')
      await writeBackup(file, text)
      terminal.answer(
        { file, bytes: Buffer.byteLength(text) },
        ({ bytes }) => `wrote ${file}, ${formatBytes(bytes)}, readable by you only`,
      )
      terminal.remark('Secrets of units are in it. Bring it back as a new node with: vsmcp restore FILE --token TOKEN')
    })
}

async function textOf({ node, dataDir }: Session): Promise<string> {
  try {
    return (await node.backup()).text
  } catch (error) {
    if (!(error instanceof NoNodeError)) throw error
    const { backupDirectory } = await import('@vsmcp/node')
    return backupDirectory(dataDir, VERSION)
  }
}
