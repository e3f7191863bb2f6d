import type { InitMeshResult } from '@vsmcp/node'
import { renderPairs } from '../terminal/table.ts'
import { type Define, examples, notes } from './command.ts'

export const define: Define = (command, open) => {
  command
    .option('--name <name>', 'what the mesh is called (default: the name of this machine)')
    .addHelpText(
      'after',
      notes(
        "Makes the mesh's key, its first charter and this node's identity in the data directory. Keep that directory:",
        'the mesh key in it is the root of all trust in this mesh.',
      ),
    )
    .addHelpText('after', examples('vsmcp init --name home', 'vsmcp init --data-dir /srv/vsmcp --json'))
    .action(async ({ name }: { name?: string }) => {
      const { dataDir, terminal } = open(command)
      const { initMesh } = await import('@vsmcp/node')
      let step = ''
      const making = initMesh({ dataDir, ...(name === undefined ? {} : { name }), onProgress: (message) => (step = message) })
      terminal.answer(await terminal.during('making the mesh', making, () => step), render)
    })
}

function render({ meshName, meshId, peerId, dataDir }: InitMeshResult): string {
  return [
    `made the mesh ${meshName}`,
    renderPairs(
      [
        ['mesh', meshId],
        ['node', peerId],
        ['data', dataDir],
      ],
      '  ',
    ),
    'Next: vsmcp up',
  ].join('\n')
}
