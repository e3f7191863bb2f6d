import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InvalidArgumentError, StoppedError } from '@vsmcp/kernel'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readDirectoryState } from '../src/enrol/directory-state.ts'
import { initMesh } from '../src/enrol/init-mesh.ts'
import { joinMesh } from '../src/enrol/join-mesh.ts'
import type { NodeInit, VsmcpNode } from '../src/node-init.ts'
import { createNode } from '../src/vsmcp-node.ts'
import { emptyDirectory, initOf } from './support/group.ts'
import { attach } from './support/servers.ts'

async function started(dataDir: string, change: Partial<NodeInit> = {}): Promise<VsmcpNode> {
  const node = createNode(initOf(dataDir, change))
  await node.start()
  onTestFinished(() => node.stop())
  return node
}

async function founded(change: Partial<NodeInit> = {}): Promise<{ node: VsmcpNode; dataDir: string }> {
  const dataDir = await emptyDirectory()
  await initMesh({ dataDir, name: 'a' })
  const node = await started(dataDir, change)
  await node.control.wait({ leader: true, timeoutMs: 30_000 })
  return { node, dataDir }
}

async function joined(member: VsmcpNode, name: string): Promise<VsmcpNode> {
  const dataDir = await emptyDirectory()
  const { token } = await member.control.createInvitation({ role: 'member', ttlMs: 60_000, uses: 1 })
  await joinMesh({ dataDir, token, name })
  return started(dataDir)
}

const call = (url: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    }),
  })

describe('starting a node', () => {
  it('that cannot open its endpoint leaves nothing behind: the next start works', async () => {
    const dataDir = await emptyDirectory()
    await initMesh({ dataDir, name: 'a' })
    const squatter = createServer().listen(0, '127.0.0.1')
    await new Promise<void>((resolve) => void squatter.once('listening', resolve))
    const { port } = squatter.address() as AddressInfo
    const node = createNode(initOf(dataDir, { http: { host: '127.0.0.1', port } }))
    await expect(node.start()).rejects.toThrow(new RegExp(String(port)))
    await new Promise<void>((resolve) => void squatter.close(() => resolve()))
    const again = await started(dataDir, { http: { host: '127.0.0.1', port } })
    expect(again.ready.mcp).toContain(String(port))
  })

  it('and stopping it meanwhile ends both, and frees the directory', async () => {
    const dataDir = await emptyDirectory()
    await initMesh({ dataDir, name: 'a' })
    const node = createNode(initOf(dataDir))
    const starting = node.start()
    const stopping = node.stop()
    await expect(starting).rejects.toThrow(StoppedError)
    await stopping
    expect(await node.stopped).toEqual({ reason: 'shutdown' })
    expect(() => node.control).toThrow(StoppedError)
    await started(dataDir)
  })

  it('refuses a name that nobody could be shown', async () => {
    const dataDir = await emptyDirectory()
    await initMesh({ dataDir, name: 'a' })
    await expect(createNode(initOf(dataDir, { name: 'x\n' })).start()).rejects.toThrow(InvalidArgumentError)
  })
})

describe('stopping a node', () => {
  it('marks the directory free, and is the same when asked twice', async () => {
    const { node, dataDir } = await founded()
    expect((await readDirectoryState(dataDir)).running?.pid).toBe(process.pid)
    await Promise.all([node.stop(), node.control.shutdown(), node.stop()])
    expect(await node.stopped).toEqual({ reason: 'shutdown' })
    expect((await readDirectoryState(dataDir)).running).toBeUndefined()
  })

  it('takes no new requests, lets the one under way end, and leaves another leading', async () => {
    const { node: a } = await founded()
    const b = await joined(a, 'b')
    const c = await joined(a, 'c')
    const voters = async (): Promise<number> => (await a.control.status()).system5.voters.length
    await a.control.wait({ members: 3, timeoutMs: 30_000 })
    await a.control.attach(attach('u', 'hostile-server', ['slow']))
    await b.control.wait({ tool: 'u__tool', timeoutMs: 30_000 })
    await expect.poll(voters).toBe(3)
    const url = a.ready.mcp
    const slow = b.control.call({ tool: 'u__tool', args: { ms: 400 }, timeoutMs: 30_000 })
    await expect.poll(async () => (await a.control.units())[0]?.figures?.inFlight).toBe(1)
    const stopping = a.stop()
    // Closed already, or about to be.
    const answered = await call(url).then(
      ({ status }) => status,
      () => 'refused',
    )
    expect(['refused', 503]).toContain(answered)
    await expect(slow).resolves.toMatchObject({ isError: false })
    await stopping
    const { leader } = (await b.control.status()).system5
    expect([b.ready.peerId, c.ready.peerId]).toContain(leader)
  })
})

describe('leaving', () => {
  it('ends the node by itself, marks its directory, and is one leave when asked twice', async () => {
    const { node: a } = await founded()
    const b = await joined(a, 'b')
    await a.control.wait({ members: 2, timeoutMs: 30_000 })
    await b.control.wait({ members: 2, leader: true, timeoutMs: 30_000 })
    const { dataDir } = (await b.control.status()).node
    await Promise.all([b.control.leave(), b.control.leave()])
    expect(await b.stopped).toEqual({ reason: 'left' })
    expect(await readDirectoryState(dataDir)).toMatchObject({ kind: 'left' })
    expect((await a.control.members()).map(({ name }) => name)).toEqual(['a'])
  })
})

describe('attaching', () => {
  it('answers when the tool is listed, and tells the last lines of stderr when the server does not come up', async () => {
    const { node } = await founded()
    const { outcome, unit } = await node.control.attach(attach('u', 'hostile-server'))
    expect([outcome, unit.state, unit.tools]).toEqual(['attached', 'ready', 1])
    expect((await node.control.tools()).map(({ qualifiedName }) => qualifiedName)).toEqual(['u__tool'])
    const tree = await node.control.tree()
    expect(tree.find(({ path }) => path.join('/') === 'node/system1/servers/units/u')).toMatchObject({ state: 'running' })
    expect(tree.find(({ path }) => path.join('/') === 'node/system3/reports')?.mailbox).toMatchObject({ lengthMax: 1_000 })
    const failed = node.control.attach(attach('v', 'hostile-server', ['exit']))
    await expect(failed).rejects.toThrow(/last lines it wrote on stderr:\n\s+.*cannot open the database\n\s+bye/s)
    expect((await node.control.units()).map(({ name }) => name)).toEqual(['u'])
  })

  it('survives a restart: the unit comes back and is listed', async () => {
    const { node, dataDir } = await founded()
    await node.control.attach(attach('u', 'hostile-server'))
    await node.stop()
    const again = await started(dataDir)
    await again.control.wait({ tool: 'tool', timeoutMs: 30_000 })
  })
})
