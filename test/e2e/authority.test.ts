import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { command, eventually, failure, type LocalNode, meshOf, nth, statusOf } from './lib/world.ts'

interface Line {
  time: string
  msg: string
  fields?: { peer?: string }
}

/** Milliseconds from hearing of an eviction to the closed connection, by the node's own log. */
async function cutMsOf(node: LocalNode, peer: string): Promise<number> {
  const at = (lines: Line[], msg: string): number | undefined => {
    const line = lines.findLast((each) => each.msg === msg && each.fields?.peer === peer)
    return line && Date.parse(line.time)
  }
  return eventually(`${node.ready.name} to cut ${peer}`, async () => {
    const { stdout } = await command(node.dataDir, 'logs', '--json')
    const lines = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line)
    const heard = at(lines, 'a member was evicted')
    const cut = at(lines, 'the connection to an evicted node is closed')
    return heard === undefined || cut === undefined ? undefined : cut - heard
  })
}

const votersOf = async (node: LocalNode, count: number): Promise<true | undefined> =>
  (await statusOf(node)).system5.voters.length === count ? true : undefined

const knows = async (node: LocalNode, name: string): Promise<true | undefined> => {
  const members = (await node.vsmcp('members')) as readonly { readonly name: string }[]
  return members.some((member) => member.name === name) ? true : undefined
}

describe('what operators decide, on real processes', () => {
  it('policies are set by version, with author and reason; the exported charter is verified offline, and refused when altered', async () => {
    const { nodes, dir } = await meshOf('a', 'b', 'c')
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    await eventually('three voters', () => votersOf(c, 3))
    const file = join(dir, 'policies.yaml')
    writeFileSync(file, 'retries: 2\n')
    const signed = ['--operator-key', join(a.dataDir, 'operator.key'), '--reason', 'fewer retries']
    const keyless = await failure(b.dataDir, 'policy', 'set', file, '--reason', 'x')
    expect(keyless).toMatchObject({ exit: 2, error: { code: 'VSMCP_CLI_USAGE' } })
    expect(await b.vsmcp('policy', 'set', file, ...signed)).toMatchObject({ version: 2, by: 'operator' })
    const late = await failure(c.dataDir, 'policy', 'set', file, '--expect', '1', ...signed)
    expect(late.error.code).toBe('VSMCP_NODE_VERSION_DIFFERS')
    expect(await c.vsmcp('policy', 'history')).toMatchObject([{ version: 2, by: 'operator', reason: 'fewer retries' }])

    const exported = join(dir, 'charter.json')
    await eventually('the certificate', async () =>
      (await command(c.dataDir, 'charter', 'export', exported)).code === 0 ? true : undefined,
    )
    const nowhere = join(dir, 'nowhere')
    const mesh = ((await a.vsmcp('status')) as { mesh: { id: string } }).mesh.id
    const verified = await command(nowhere, 'charter', 'verify', exported, '--mesh', mesh, '--json')
    expect(JSON.parse(verified.stdout)).toMatchObject({ valid: true, certifiedBy: 'certificate', mesh: { id: mesh } })
    const altered = JSON.parse(readFileSync(exported, 'utf8')) as { charter: string }
    const charter = Buffer.from(altered.charter, 'base64').toString().replace('"retries":2', '"retries":9')
    writeFileSync(exported, JSON.stringify({ ...altered, charter: Buffer.from(charter).toString('base64') }))
    expect((await failure(nowhere, 'charter', 'verify', exported)).error.code).toBe('VSMCP_SECURITY_CHARTER_UNCERTIFIED')
  }, 120_000)

  it('an eviction bites on every node within a second of hearing it, the evicted stops and says so, and no eviction breaks the quorum', async () => {
    const { nodes } = await meshOf('a', 'b', 'c', 'd')
    const [a, b, c, d] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2), nth(nodes, 3)]
    await eventually('three voters', () => votersOf(b, 3))
    await eventually('b to know d by its name', () => knows(b, 'd'))
    const signed = ['--operator-key', join(a.dataDir, 'operator.key'), '--reason', 'stolen']
    const unsigned = await failure(b.dataDir, 'evict', 'd', '--reason', 'x')
    expect(unsigned.error.code).toBe('VSMCP_CLI_USAGE')

    expect(await b.vsmcp('evict', 'd', ...signed)).toMatchObject({ evicted: d.ready.peerId, by: 'operator' })
    const cuts = await Promise.all([a, b, c].map((node) => cutMsOf(node, d.ready.peerId)))
    for (const ms of cuts) expect(ms).toBeLessThan(1_000)
    await eventually('d to stop', async () => {
      const { error, exit } = await failure(d.dataDir, 'status')
      return error.code === 'VSMCP_CLI_EVICTED' && exit === 4 ? true : undefined
    })
    expect((await failure(d.dataDir, 'up')).error.message).toContain('evicted')
    expect(await a.vsmcp('charter')).toMatchObject({
      revocations: [{ peerId: d.ready.peerId, by: 'operator', reason: 'stolen' }],
    })

    await eventually('three voters again', () => votersOf(a, 3))
    const { leader } = (await statusOf(a)).system5
    const down = nth(
      [b, c].filter(({ ready }) => ready.peerId !== leader),
      0,
    )
    const rest = nth(
      [b, c].filter((node) => node !== down),
      0,
    )
    await down.end('SIGKILL')
    const refused = await eventually('a refusal', async () => {
      const { error } = await failure(a.dataDir, 'evict', rest.ready.name, ...signed)
      return error.code === 'VSMCP_NODE_QUORUM_AT_RISK' ? error : undefined
    })
    expect(refused.hint).toContain(down.ready.name)
    expect((await statusOf(rest)).members.known).toBe(3)
  }, 120_000)
})
