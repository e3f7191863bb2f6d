import { join } from 'node:path'

import { createNode, initMesh, joinMesh, type NodeControl, type VsmcpNode } from '../../../packages/node/src/index.ts'

/** Smallest server there is; its source is its argument, so that no path of the recording machine gets into the recording. */
const SERVER = `
const reply = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }))
require('node:readline').createInterface(process.stdin).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (method === 'initialize') reply(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'recorded', version: '1.0.0' } })
  else if (method === 'tools/list') reply(id, { tools: [{ name: 'weigh', description: 'Weighs', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] })
  else if (id !== undefined) reply(id, { content: [{ type: 'text', text: 'heavy' }] })
})`

const WAIT_MS = 30_000

interface Started {
  node: VsmcpNode
  control: NodeControl
}

/**
 * Three nodes live through what a mesh lives through: joining, voters chosen and certified, a unit attached and called, its bare
 * name granted, invitations made, used up and revoked, a leave. @returns the data directory of the founder, its node stopped
 */
export async function liveThrough(folder: string): Promise<{ dataDir: string; token: string }> {
  const dataDir = join(folder, 'a')
  await initMesh({ dataDir, name: 'recorded' })
  const a = await start(dataDir, 'a')
  const nodes = [a]
  try {
    const { token } = await a.control.createInvitation({ role: 'member', ttlMs: 30 * 86_400_000, uses: 3 })
    for (const name of ['b', 'c', 'd']) {
      await joinMesh({ dataDir: join(folder, name), token, name })
      nodes.push(await start(join(folder, name), name))
    }
    const [, b, , d] = nodes
    if (b === undefined || d === undefined) throw new Error('a node is missing')
    await Promise.all(nodes.map(({ control }) => control.wait({ members: 4, leader: true, timeoutMs: WAIT_MS })))
    await until(async () => (await a.control.status()).system5.voters.length === 3)
    const source = { kind: 'stdio', command: 'node', args: ['-e', SERVER], env: {}, cwd: '/' } as const
    await b.control.attach({
      name: 'scales',
      source: { ...source, args: [...source.args] },
      startTimeoutMs: WAIT_MS,
      replace: false,
    })
    await a.control.wait({ tool: 'weigh', timeoutMs: WAIT_MS })
    await a.control.call({ tool: 'weigh', args: {}, timeoutMs: WAIT_MS })
    await a.control.attach({
      name: 'lathe',
      source: { ...source, args: [...source.args] },
      startTimeoutMs: WAIT_MS,
      replace: false,
    })
    const open = await b.control.createInvitation({ role: 'edge', ttlMs: 3_600_000, uses: 7 })
    await b.control.revokeInvitation(open.id)
    await b.control.createInvitation({ role: 'edge', ttlMs: 30 * 86_400_000, uses: 2 })
    // By a member that does not lead, with three voters to sign.
    const { token: third } = await b.control.createInvitation({ role: 'member', ttlMs: 3_600_000, uses: 1 })
    await joinMesh({ dataDir: join(folder, 'f'), token: third, name: 'f' })
    await refused(joinMesh({ dataDir: join(folder, 'e'), token, name: 'e' }))
    await d.control.leave()
    await until(async () => (await a.control.status()).members.known === 4)
    return { dataDir, token }
  } finally {
    // The leader first: the others elect another.
    for (const { node } of nodes) await node.stop()
  }
}

async function start(dataDir: string, name: string): Promise<Started> {
  const node = createNode({
    dataDir,
    name,
    profile: 'mesh',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    advertise: [],
    http: { host: '127.0.0.1', port: 0 },
    logLevel: 'error',
    logToStderr: 'off',
    version: '0.1.0',
    socketPath: join(dataDir, 'control.sock'),
  })
  await node.start()
  const { control } = node
  await control.wait({ leader: true, timeoutMs: WAIT_MS })
  return { node, control }
}

async function refused(work: Promise<unknown>): Promise<void> {
  const outcome = await work.then(
    () => 'let in',
    () => 'refused',
  )
  if (outcome !== 'refused') throw new Error('an invitation that is used up let somebody in')
}

/** A tool of this process's own, no test: it may look again and again. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('the mesh did not get there in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
