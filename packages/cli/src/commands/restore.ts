import { resolve } from 'node:path'
import type { RestoreResult } from '@vsmcp/node'
import { JOIN_TIMEOUT_MS } from '../constants.ts'
import { UsageError } from '../errors.ts'
import { refuseWhileRunning } from '../not-running.ts'
import { durationOption } from '../options.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  token?: string
  forceQuorum?: boolean
  meshKey?: string
  recoveryKey?: string
  name?: string
  timeout: number
}

export const define: Define = (command, open) => {
  command
    .argument('<file>', 'made by "vsmcp backup"')
    .option('--token <token>', 'join the mesh, which still lives, by this invitation (or VSMCP_JOIN_TOKEN)')
    .option('--force-quorum', 'the mesh is gone: start its next epoch from the backup, with this node as its only voter')
    .option('--mesh-key <file>', "the mesh's key; this or --recovery-key is needed with --force-quorum")
    .option('--recovery-key <file>', 'the key of an operator that the charter in the backup lets recover')
    .option('--name <name>', 'what this node is called (default: as it was)')
    .addOption(durationOption('--timeout <duration>', 'give up joining after this', JOIN_TIMEOUT_MS))
    .addHelpText(
      'after',
      notes(
        'Makes a new node, with a new identity, in an empty data directory; the units and the configuration come back. Cut off, the',
        'same command does it again. A directory that is a node already is never touched. The node that was backed up is no',
        'longer needed: evict it, so that the names of its units are free for this one.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp restore plant-7.vsmcp --token TOKEN && vsmcp up --detach',
        'vsmcp restore plant-7.vsmcp --force-quorum --mesh-key /media/usb/mesh.key',
      ),
    )
    .action(async (path: string, { token: given, forceQuorum, meshKey, recoveryKey, name, timeout }: Options) => {
      const session = open(command)
      const { dataDir, cwd, terminal } = session
      const token = forceQuorum === true ? given : (given ?? session.env['VSMCP_JOIN_TOKEN'])
      if ((token === undefined) !== (forceQuorum === true)) {
        throw new UsageError('where this node shall belong is missing', {
          hint: 'Give --token TOKEN where the mesh still lives ("vsmcp invite" on a member), or --force-quorum --mesh-key FILE where it does not.',
        })
      }
      if (forceQuorum === true && (meshKey === undefined) === (recoveryKey === undefined)) {
        throw new UsageError('--force-quorum needs --mesh-key FILE or --recovery-key FILE')
      }
      await refuseWhileRunning(session, 'Restore into another directory, with --data-dir.')
      const { restoreNode } = await import('@vsmcp/node')
      let step = ''
      const restoring = restoreNode({
        dataDir,
        file: resolve(cwd, path),
        timeoutMs: timeout,
        onProgress: (message) => (step = message),
        ...(token === undefined ? {} : { token }),
        ...(meshKey === undefined || token !== undefined ? {} : { meshKeyFile: resolve(cwd, meshKey) }),
        ...(recoveryKey === undefined || token !== undefined ? {} : { recoveryKeyFile: resolve(cwd, recoveryKey) }),
        ...(name === undefined ? {} : { name }),
      })
      terminal.answer(await terminal.during('restoring', restoring, () => step), render)
    })
}

function render(result: RestoreResult): string {
  const { meshName, meshId, peerId, formerPeerId, name, units, config, epoch, dataDir } = result
  return [
    epoch === null
      ? `a new node of the mesh ${printableLine(meshName)}`
      : `epoch ${epoch} of the mesh ${printableLine(meshName)} begins with this node`,
    renderPairs(
      [
        ['mesh', meshId],
        ['node', `${printableLine(name)}  ${peerId}`],
        ['was', formerPeerId],
        ['units', units.length === 0 ? 'none' : units.map(printableLine).join(', ')],
        ['configuration', config ? 'vsmcp.yaml is back' : 'none, or another one is there'],
        ['data', dataDir],
      ],
      '  ',
    ),
    `Next: vsmcp up${epoch === null ? `, and evict the node that was: vsmcp evict ${formerPeerId}` : ''}`,
  ].join('\n')
}
