import { describe, expect, it } from 'vitest'

import { command, failure, LocalNode, meshOf, nth, folder, vsmcp } from './lib/world.ts'

const HTTP = ['--http', '127.0.0.1:0']

describe('discovery', () => {
  it('two nodes that both moved find each other at a bootstrap address, over a WebSocket', async () => {
    const { nodes } = await meshOf('a', 'b')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    await Promise.all(nodes.map((node) => node.end('SIGTERM')))
    nodes.splice(0, 2)
    const moved = await LocalNode.start(a.dataDir, 'a', ['--listen', '/ip4/127.0.0.1/tcp/0/ws', ...HTTP])
    nodes.push(moved)
    const [at = ''] = moved.ready.listen
    expect(at).toMatch(/\/ws\/p2p\//)
    nodes.push(await LocalNode.start(b.dataDir, 'b', ['--listen', '/ip4/127.0.0.1/tcp/0', '--bootstrap', at, ...HTTP]))
    for (const node of nodes) await node.vsmcp('wait', '--members', '2', '--leader', '--timeout', '30s')
  }, 90_000)

  it('two nodes that both moved find each other on the local network, without anybody’s word', async () => {
    const { nodes } = await meshOf('a', 'b')
    const moved = nodes.splice(0, 2)
    await Promise.all(moved.map((node) => node.end('SIGTERM')))
    for (const { dataDir, ready } of moved) {
      nodes.push(await LocalNode.start(dataDir, ready.name, ['--listen', '/ip4/0.0.0.0/tcp/0', '--mdns', 'on', ...HTTP]))
    }
    for (const node of nodes) await node.vsmcp('wait', '--members', '2', '--leader', '--timeout', '30s')
  }, 90_000)

  it('inside a private network a newcomer needs its key besides the invitation', async () => {
    const dir = folder()
    const key = `${dir}/pnet.key`
    expect(JSON.parse((await command(`${dir}/a`, 'key', 'pnet', '--new', key, '--json')).stdout)).toEqual({ file: key })
    expect(await failure(`${dir}/a`, 'key', 'pnet', '--new', key)).toMatchObject({ error: { code: 'VSMCP_CLI_FILE' } })
    await vsmcp(`${dir}/a`, 'init', '--name', 'private')
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--pnet-key', key, ...HTTP]
    const founder = await LocalNode.start(`${dir}/a`, 'a', listen)
    try {
      const { token } = (await founder.vsmcp('invite')) as { token: string }
      const { error } = await failure(`${dir}/b`, 'join', token)
      expect(`${error.message} ${error.hint}`).toContain('pnet key')
      expect(await vsmcp(`${dir}/b`, 'join', token, '--pnet-key', key)).toMatchObject({ joinedNow: true })
      const joined = await LocalNode.start(`${dir}/b`, 'b', listen)
      await joined.vsmcp('wait', '--members', '2', '--timeout', '30s')
      await joined.end('SIGTERM')
    } finally {
      await founder.end('SIGTERM')
    }
  }, 90_000)
})
