import { cpSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'

import { describe, expect, it, onTestFinished } from 'vitest'

import { eventually, failure, folder, LocalNode, memory, meshOf, nth, statusOf, vsmcp } from './lib/world.ts'

/** A node that ends with the test. */
async function up(dataDir: string, name: string, args: readonly string[] = []): Promise<LocalNode> {
  const node = await LocalNode.start(dataDir, name, args)
  onTestFinished(() => node.end('SIGTERM'))
  return node
}

const epochOf = async (node: LocalNode): Promise<number> => (await statusOf(node)).system5.epoch
const idOf = async (node: LocalNode): Promise<string> => ((await node.vsmcp('invite')) as { id: string }).id
const idsAt = async (node: LocalNode): Promise<string[]> =>
  ((await node.vsmcp('invite', 'ls')) as { id: string }[]).map(({ id }) => id)

describe('a group that lost its majority for good', () => {
  it('goes on from one node by the exported mesh key: it decides, takes newcomers, and says what it lost', async () => {
    const { nodes, dir } = await meshOf('a', 'b', 'c')
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    await eventually('three voters', async () => ((await statusOf(c)).system5.voters.length === 3 ? true : undefined))
    const before = await idOf(b)
    await eventually('known at c', async () => ((await idsAt(c)).includes(before) ? true : undefined))
    const key = join(dir, 'offline.key')
    await a.vsmcp('key', 'export', key)
    await a.vsmcp('key', 'remove')
    expect(await a.vsmcp('key', 'ls')).toMatchObject({ mesh: { here: false } })
    await Promise.all([a.end('SIGKILL'), b.end('SIGKILL')])
    rmSync(a.dataDir, { recursive: true })
    rmSync(b.dataDir, { recursive: true })
    await eventually('no System 5', async () => ((await statusOf(c)).system5.leader === null ? true : undefined))

    const running = await failure(c.dataDir, 'recover', '--force-quorum', '--mesh-key', key)
    expect(running.error.code).toBe('VSMCP_CLI_NODE_RUNNING')
    await c.end('SIGTERM')
    const planned = await failure(c.dataDir, 'recover', '--mesh-key', key)
    expect(planned).toMatchObject({ exit: 2, error: { details: { plan: expect.arrayContaining([]) as string[] } } })
    const recovered = await vsmcp(c.dataDir, 'recover', '--force-quorum', '--mesh-key', key)
    expect(recovered).toMatchObject({ done: true, before: 1, epoch: 2, members: 3 })
    expect((recovered as { droppedVoters: unknown[] }).droppedVoters).toHaveLength(2)

    const alone = await up(c.dataDir, 'c')
    expect(await epochOf(alone)).toBe(2)
    expect(await idsAt(alone)).toContain(before)
    const { token } = (await alone.vsmcp('invite')) as { token: string }
    await vsmcp(join(dir, 'd'), 'join', token)
    const d = await up(join(dir, 'd'), 'd')
    await d.vsmcp('wait', '--members', '2', '--leader', '--timeout', '20s')
    expect(await epochOf(d)).toBe(2)
    expect(await idOf(d)).not.toBe('')
  }, 120_000)

  it('goes on by a recovery key, too: an old majority that lived stands down when they meet, and nothing forks in it', async () => {
    const { nodes, dir } = await meshOf('a', 'b', 'c')
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    await eventually('three voters', async () => ((await statusOf(c)).system5.voters.length === 3 ? true : undefined))
    const [key, other] = [join(dir, 'maria.key'), join(dir, 'nils.key')]
    await a.vsmcp('operator', 'add', 'maria', '--new', key, '--recovery', '--reason', 'on call')
    await a.vsmcp('operator', 'add', 'nils', '--new', other, '--reason', 'decides, and recovers nothing')
    await eventually('certified at c', async () => {
      const { operators, certifiedBy } = (await c.vsmcp('charter')) as { operators: unknown[]; certifiedBy: string | null }
      return operators.length === 3 && certifiedBy !== null ? true : undefined
    })
    await c.end('SIGKILL')
    const lost = await idOf(a)
    const refused = await failure(c.dataDir, 'recover', '--force-quorum', '--recovery-key', other)
    expect(refused.error.code).toBe('VSMCP_SECURITY_RECOVERY_KEY_FOREIGN')
    await vsmcp(c.dataDir, 'recover', '--force-quorum', '--recovery-key', key)
    const back = await up(c.dataDir, 'c', c.sameAddresses)
    const all = [a, b, back]
    await Promise.all(all.map((node) => eventually('epoch 2', async () => ((await epochOf(node)) === 2 ? true : undefined))))
    await back.vsmcp('wait', '--members', '3', '--leader', '--timeout', '20s')
    const kept = await idOf(a)
    for (const node of all) {
      const ids = await idsAt(node)
      expect(ids).toContain(kept)
      expect(ids).not.toContain(lost)
    }
    const leaders = async () => new Set(await Promise.all(all.map(async (node) => (await statusOf(node)).system5.leader)))
    await expect.poll(async () => [...(await leaders())]).toEqual([expect.any(String)])
  }, 120_000)
})

describe('a data directory', () => {
  it('runs on where it was moved to; a copy of it never runs, and becomes a new node with the same units', async () => {
    const { nodes, dir } = await meshOf('a', 'b')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    await b.vsmcp('attach', 'memory', '--', ...memory)
    await b.end('SIGTERM')
    const copy = join(dir, 'copy')
    cpSync(b.dataDir, copy, { recursive: true, preserveTimestamps: true })
    const refused = await failure(copy, 'up', '--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0')
    expect(refused.error).toMatchObject({ code: 'VSMCP_STORE_COPIED', hint: expect.stringContaining('vsmcp restore') as string })

    const moved = join(dir, 'moved')
    renameSync(b.dataDir, moved)
    const again = await LocalNode.start(moved, 'b')
    expect(again.ready.peerId).toBe(b.ready.peerId)
    await again.end('SIGTERM')
    rmSync(moved, { recursive: true })

    const file = join(dir, 'b.vsmcp')
    await vsmcp(copy, 'backup', file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const heir = join(dir, 'heir')
    const without = await failure(heir, 'restore', file)
    expect(without).toMatchObject({ exit: 2 })
    const { token } = (await a.vsmcp('invite')) as { token: string }
    const restored = (await vsmcp(heir, 'restore', file, '--token', token)) as { peerId: string; formerPeerId: string }
    expect(restored).toMatchObject({ formerPeerId: b.ready.peerId, units: ['memory'], epoch: null })
    expect((await failure(heir, 'restore', file, '--token', token)).error.code).toBe('VSMCP_NODE_ALREADY_ENROLLED')
    const back = await up(heir, 'b')
    expect(back.ready).toMatchObject({ peerId: restored.peerId, name: 'b' })
    await back.vsmcp('wait', '--members', '2', '--leader', '--timeout', '20s')
    await expect.poll(async () => (await statusOf(a)).members).toEqual({ known: 3, alive: 2 })
    await a.vsmcp('evict', b.ready.peerId, '--reason', 'its disk is gone')
    await a.vsmcp('wait', '--tool', 'read_graph', '--timeout', '30s')
    await expect.poll(() => a.vsmcp('units')).toMatchObject([{ name: 'memory', node: restored.peerId }])
  }, 120_000)

  it('lost with the whole mesh comes back from a backup and the mesh key, as the first node of the next epoch', async () => {
    const dir = folder()
    const first = join(dir, 'first')
    await vsmcp(first, 'init', '--name', 'home')
    const node = await LocalNode.start(first, 'first')
    await node.vsmcp('attach', 'memory', '--', ...memory)
    const kept = await idOf(node)
    const [file, key] = [join(dir, 'first.vsmcp'), join(dir, 'mesh.key')]
    await node.vsmcp('backup', file)
    await node.vsmcp('key', 'export', key)
    await node.end('SIGKILL')
    rmSync(first, { recursive: true })

    const heir = join(dir, 'heir')
    expect(await vsmcp(heir, 'restore', file, '--force-quorum', '--mesh-key', key)).toMatchObject({ epoch: 2, units: ['memory'] })
    const back = await up(heir, 'first')
    await back.vsmcp('wait', '--leader', '--tool', 'read_graph', '--timeout', '30s')
    expect(await idsAt(back)).toContain(kept)
  }, 120_000)
})

describe('the session key', () => {
  it('is rotated again and again under a client that calls throughout: no session and no call is lost', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    await b.vsmcp('attach', 'memory', '--', ...memory)
    await a.vsmcp('wait', '--tool', 'read_graph', '--timeout', '20s')
    await eventually('a key', async () => ((await sessionOf(a))?.held === true ? true : undefined))
    const client = await LegacySession.open(a.ready.mcp)
    expect(client.id).toMatch(/^[\w-]{82}$/)
    let calls = 0
    const run = { on: true }
    const calling = Promise.all(
      [0, 1, 2, 3].map(async () => {
        while (run.on) {
          await client.call('read_graph')
          calls++
        }
      }),
    )
    const ids = new Set<string>()
    for (let turn = 0; turn < 3; turn++) {
      const atStart = calls
      const { id } = (await nth(nodes, turn).vsmcp('key', 'rotate')) as { id: string }
      ids.add(id)
      await eventually('the key at a', async () => {
        const session = await sessionOf(a)
        return session?.id === id && session.held ? true : undefined
      })
      await eventually('calls meanwhile', async () => (calls > atStart + 10 ? true : undefined))
    }
    run.on = false
    await calling
    expect(ids.size).toBe(3)
    // An id that another node made is told from a forged one.
    const elsewhere = await LegacySession.post(b.ready.mcp, 'ping', {}, client.id)
    expect(elsewhere).toMatchObject({ status: 404 })
    expect(elsewhere.text).toContain(a.ready.peerId)
    const forged = `${client.id.slice(0, -2)}${client.id.endsWith('AA') ? 'BB' : 'AA'}`
    expect((await LegacySession.post(b.ready.mcp, 'ping', {}, forged)).text).not.toContain(a.ready.peerId)
  }, 120_000)
})

interface SessionKeyView {
  id: string
  held: boolean
}

async function sessionOf(node: LocalNode): Promise<SessionKeyView | null> {
  const { socketPath } = JSON.parse(readFileSync(`${node.dataDir}/running.json`, 'utf8')) as { socketPath: string }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const asked = request({ socketPath, path: '/v1/keys' }, (response) => {
    let body = ''
    response.setEncoding('utf8').on('data', (text: string) => (body += text))
    response.once('end', () => resolve(body))
  })
  asked.once('error', reject)
  asked.end()
  return (JSON.parse(await promise) as { session: SessionKeyView | null }).session
}

/** A client of the legacy era, with nothing between it and the wire. */
class LegacySession {
  readonly id: string
  readonly #url: string
  #requests = 1

  private constructor(url: string, id: string) {
    this.#url = url
    this.id = id
  }

  static async open(url: string): Promise<LegacySession> {
    const clientInfo = { name: 'rotation-test', version: '1' }
    const { session } = await LegacySession.post(url, 'initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo,
    })
    if (session === null) throw new Error('no session id')
    return new LegacySession(url, session)
  }

  static async post(
    url: string,
    method: string,
    params: object,
    session?: string,
    id = 1,
  ): Promise<{ status: number; text: string; session: string | null }> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    })
    return { status: response.status, text: await response.text(), session: response.headers.get('mcp-session-id') }
  }

  async call(name: string): Promise<void> {
    const { status, text } = await LegacySession.post(this.#url, 'tools/call', { name, arguments: {} }, this.id, ++this.#requests)
    if (status !== 200 || !text.includes('"result"')) throw new Error(`a call failed: ${status} ${text}`)
  }
}
