import type { RecoverResult } from '@vsmcp/node'
import { UsageError } from '../errors.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { count } from '../terminal/format.ts'
import { refuseWhileRunning } from '../not-running.ts'
import { type Define, examples, notes } from './command.ts'

interface Options {
  forceQuorum?: boolean
  meshKey?: string
  recoveryKey?: string
}

export const define: Define = (command, open) => {
  command
    .option('--force-quorum', 'the consent: without it the command only says what would be lost')
    .option('--mesh-key <file>', 'the mesh\'s key, when it is not in the data directory ("vsmcp key export")')
    .option('--recovery-key <file>', 'in its place the key of an operator that may recover ("vsmcp operator ls")')
    .addHelpText(
      'after',
      notes(
        'For a group whose majority of voters is lost for good, on the data directory of one stopped member. The mesh key, or the',
        'key of an operator added with --recovery before the loss, signs the next epoch, with this node as its only voter, from',
        'what this node knows. What the others decided beyond that is lost; where they still live, they stand down to the newer',
        'epoch as soon as they meet it. Recover one node only: two that were recovered into the same epoch stop deciding and name',
        'each other.',
      ),
    )
    .addHelpText(
      'after',
      examples(
        'vsmcp recover',
        'vsmcp recover --force-quorum --mesh-key /media/usb/mesh.key',
        'vsmcp recover --force-quorum --recovery-key maria.key',
      ),
    )
    .action(async ({ forceQuorum = false, meshKey, recoveryKey }: Options) => {
      if (meshKey !== undefined && recoveryKey !== undefined) {
        throw new UsageError('either --mesh-key or --recovery-key: one key signs')
      }
      const session = open(command)
      const { dataDir, terminal } = session
      await refuseWhileRunning(session, 'Stop it first: vsmcp down.')
      const { recoverMesh } = await import('@vsmcp/node')
      const options = {
        dataDir,
        force: forceQuorum,
        ...(meshKey === undefined ? {} : { meshKeyFile: meshKey }),
        ...(recoveryKey === undefined ? {} : { recoveryKeyFile: recoveryKey }),
      }
      const result = await terminal.during('reading the log', recoverMesh(options))
      if (forceQuorum) return terminal.answer(result, render)
      throw new UsageError('nothing was done: --force-quorum is missing', {
        hint: 'With it the following is done, and cannot be taken back.',
        details: { plan: linesOf(result).map(([what, value]) => `${what}: ${value}`) },
      })
    })
}

function linesOf({
  meshName,
  before,
  epoch,
  recoveredIndex,
  uncommitted,
  droppedVoters,
  members,
}: RecoverResult): [string, string][] {
  const dropped = droppedVoters.map(({ name, peerId }) => `${printableLine(name)} (${peerId})`).join(', ')
  const unsure =
    uncommitted === 0 ? '' : `, the last ${count(uncommitted, 'entry', 'entries')} of it not known to be decided, which count now`
  return [
    ['mesh', printableLine(meshName)],
    ['epoch', `${epoch} begins, ${before} ends`],
    ['from', `entry ${recoveredIndex} of this node's log${unsure}; what was decided elsewhere beyond it is lost`],
    ['voters', `this node alone; no longer: ${dropped === '' ? 'nobody' : dropped}`],
    ['members', `${members}; those that are gone for good are to be evicted afterwards`],
  ]
}

function render(result: RecoverResult): string {
  return [`epoch ${result.epoch} begins with this node`, renderPairs(linesOf(result), '  '), 'Next: vsmcp up'].join('\n')
}
