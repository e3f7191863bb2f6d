import { expect, onTestFinished } from 'vitest'
import { operatorKeyFile, type OperatorSigner, operatorSigner } from '../../src/charter/operator-signer.ts'
import { initMesh } from '../../src/enrol/init-mesh.ts'
import { joinMesh } from '../../src/enrol/join-mesh.ts'
import type { NodeInit, VsmcpNode } from '../../src/node-init.ts'
import { createNode } from '../../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './group.ts'

/** The machine may be busy with other things. */
export const eventually = <T>(look: () => T | Promise<T>): ReturnType<typeof expect.poll<T>> =>
  expect.poll(look, { timeout: 30_000 })

export async function started(dataDir: string, change: Partial<NodeInit> = {}): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir, change))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

export async function founded(name = 'a', dataDir?: string): Promise<VsmcpNode> {
  const dir = dataDir ?? (await emptyDirectory())
  await initMesh({ dataDir: dir, name })
  const node = await started(dir)
  await node.control.wait({ leader: true, timeoutMs: 30_000 })
  return node
}

export async function joined(member: VsmcpNode, name: string, group?: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const request = { role: 'member', ttlMs: 60_000, uses: 1, ...(group === undefined ? {} : { group }) } as const
  const { token } = await member.control.createInvitation(request)
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

/** Whom the charter of the node's home group, or of another, names: the operator whose key `init` made in the founder's directory. */
export async function operatorAt(node: VsmcpNode, founderDir: string, group?: string): Promise<OperatorSigner> {
  return operatorSigner(operatorKeyFile(founderDir), await node.control.charter(group === undefined ? {} : { group }))
}

/** The answer, as text. */
export const callOf = async (node: VsmcpNode, tool: string, args: Record<string, unknown>): Promise<string> =>
  JSON.stringify((await node.control.call({ tool, args, timeoutMs: 30_000 })).result)
