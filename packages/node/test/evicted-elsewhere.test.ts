import { copyFile } from 'node:fs/promises'
import { expect, it, onTestFinished } from 'vitest'
import { operatorKeyFile, operatorSigner } from '../src/charter/operator-signer.ts'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './support/group.ts'
import { why } from './support/operator.ts'

/** The machine may be busy with other things. */
const grace = { timeout: 30_000, interval: 100 }

async function started(dataDir: string): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

const tokenOf = async (node: VsmcpNode, group?: string): Promise<string> => {
  const request = { role: 'member', ttlMs: 60_000, uses: 1, ...(group === undefined ? {} : { group }) } as const
  return (await node.control.createInvitation(request)).token
}

it('who was evicted by a group above is not let in below, whoever invites it', async () => {
  const [rootDir, innerDir, strayDir, newDir] = [
    await emptyDirectory(),
    await emptyDirectory(),
    await emptyDirectory(),
    await emptyDirectory(),
  ]
  await initMesh({ dataDir: rootDir, name: 'a' })
  const a = await started(rootDir)
  await a.control.wait({ leader: true, timeoutMs: 30_000 })
  await a.control.createGroup({ path: 'eu' })
  await joinMesh({ dataDir: innerDir, token: await tokenOf(a, '/eu'), name: 'b' })
  const b = await started(innerDir)
  await joinMesh({ dataDir: strayDir, token: await tokenOf(a), name: 'x' })
  const stray = await started(strayDir)
  const { peerId } = stray.ready
  const { untilMs, joinedAtIndex } = await a.control.draftEviction(peerId)
  const operator = await operatorSigner(operatorKeyFile(rootDir), await a.control.charter())
  await a.control.evict(operator.sign({ op: 'member:evict', peer: peerId, joinedAtIndex, untilMs, ...why } as const))
  await copyFile(dataDirectory(strayDir).identity, dataDirectory(newDir).identity)

  const join = async (): Promise<string> => {
    const token = await tokenOf(b)
    return joinMesh({ dataDir: newDir, token, name: 'x', timeoutMs: 5_000 }).then(() => 'let in', String)
  }
  await expect.poll(join, grace).toContain('was evicted by the group root, whose word counts here')
})
