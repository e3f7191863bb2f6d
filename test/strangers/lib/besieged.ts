import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'vitest'

import { type LocalNode, startMesh, stopMesh } from '../../../scripts/lib/local-mesh.ts'
import { memory, nth } from '../../e2e/lib/world.ts'

/** Three real nodes with a server on the second, and the first of them: the one that is tried. */
export interface Besieged {
  readonly dir: string
  readonly nodes: readonly LocalNode[]
  readonly target: LocalNode
  end(): Promise<void>
}

export async function besieged(): Promise<Besieged> {
  const dir = mkdtempSync(join(tmpdir(), 'vsmcp-strangers-'))
  const nodes = await startMesh(dir, ['a', 'b', 'c'])
  const target = nth(nodes, 0)
  await nth(nodes, 1).vsmcp('attach', 'notes', '--', ...memory)
  await target.vsmcp('wait', '--tool', 'notes__read_graph', '--timeout', '20s')
  // That a busy machine makes a node slow is not to be decided by the group while the log is watched for what strangers add.
  const patience = { node: { low: '7d', high: '7d' } }
  writeFileSync(`${dir}/policies.yaml`, JSON.stringify({ alertTerms: patience }))
  await target.vsmcp('policy', 'set', `${dir}/policies.yaml`, '--reason', 'a siege')
  return {
    dir,
    nodes,
    target,
    async end() {
      await stopMesh(nodes)
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** A call of a tool on another node, as a member's client makes it. */
export async function memberIsServed(target: LocalNode): Promise<void> {
  const answer = JSON.stringify(await target.vsmcp('call', 'notes__read_graph', '--args', '{}'))
  expect(answer).toContain('entities')
}
