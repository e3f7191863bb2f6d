import { resolve } from 'node:path'
import { NoNodeError } from '@vsmcp/api'
import type { KeysView } from '@vsmcp/node'
import type { Command } from 'commander'
import type { Session } from '../session.ts'
import { renderPairs } from '../terminal/table.ts'
import { examples, notes, type Open } from './command.ts'

export function defineKeyList(command: Command, open: Open): void {
  command
    .summary('list the keys this node goes by')
    .description('List the keys this node goes by, and where they are. The keys themselves are never shown.')
    .addHelpText('after', examples('vsmcp key ls'))
    .action(async () => {
      const session = open(command)
      const { terminal } = session
      terminal.answer(await terminal.during('asking the node', keysOf(session)), render)
    })
}

export function defineKeyExport(command: Command, open: Open): void {
  command
    .summary('copy the mesh key to a file')
    .description('Copy the mesh key to a file, and read it back from there. A file that is there is not overwritten.')
    .argument('<file>', 'where to; keep it offline: with it anybody can take the mesh over')
    .addHelpText('after', examples('vsmcp key export /media/usb/mesh.key && vsmcp key remove'))
    .action(async (path: string) => {
      const { dataDir, cwd, terminal } = open(command)
      const { exportMeshKey } = await import('@vsmcp/node')
      const exported = await exportMeshKey(dataDir, resolve(cwd, path))
      terminal.answer(
        exported,
        ({ file }) => `the mesh key is in ${file}, read back and verified; it still is in ${dataDir}, too`,
      )
    })
}

export function defineKeyRemove(command: Command, open: Open): void {
  command
    .summary('take the mesh key off this machine')
    .description('Take the mesh key out of the data directory, after the exported file was read once more and verified.')
    .option('--exported <file>', 'where it was exported to (default: where "vsmcp key export" put it)')
    .addHelpText(
      'after',
      notes(
        'A running mesh does not need it: only a recovery without a recovery key does. On flash and copying file systems old blocks may survive.',
      ),
    )
    .addHelpText('after', examples('vsmcp key remove', 'vsmcp key remove --exported /media/usb/mesh.key'))
    .action(async ({ exported }: { exported?: string }) => {
      const { dataDir, cwd, terminal } = open(command)
      const { removeMeshKey } = await import('@vsmcp/node')
      const removed = await removeMeshKey(dataDir, exported === undefined ? undefined : resolve(cwd, exported))
      terminal.answer(removed, ({ file }) => `the mesh key is only in ${file} now`)
    })
}

export function defineKeyRotate(command: Command, open: Open): void {
  command
    .summary('make another session key for the group')
    .description('Make another session key for the group. No session and no call ends; the key before is accepted for an hour.')
    .addHelpText('after', notes('System 5 does so by itself after each eviction.'))
    .addHelpText('after', examples('vsmcp key rotate'))
    .action(async () => {
      const { node, terminal } = open(command)
      const rotated = await terminal.during('asking the group', node.rotateSessionKey())
      terminal.answer(rotated, ({ id }) => `the session key is ${id} now`)
    })
}

async function keysOf({ node, dataDir }: Session): Promise<KeysView> {
  try {
    return await node.keys()
  } catch (error) {
    if (!(error instanceof NoNodeError)) throw error
    const { keysInDirectory } = await import('@vsmcp/node')
    return keysInDirectory(dataDir)
  }
}

function render({ identity, mesh, session }: KeysView): string {
  const previous = session?.previous ?? null
  return renderPairs([
    ['identity', identity],
    ['mesh key', `${mesh.id}, ${mesh.here ? 'in the data directory' : 'not on this node'}`],
    [
      'session key',
      session === null
        ? 'none known here'
        : `${session.id}, since ${session.rotatedAt}${session.held ? '' : ', not received yet'}`,
    ],
    ...(previous === null ? [] : [['', `${previous.id} accepted until ${previous.acceptedUntil}`] as [string, string]]),
  ])
}
