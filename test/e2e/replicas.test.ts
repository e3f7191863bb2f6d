import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

import { createApiClient } from '../../packages/api/src/index.ts'
import type { UnitView } from '../../packages/node/src/index.ts'
import { eventually, failure, folder, LocalNode, meshOf, nth } from './lib/world.ts'

const server = fileURLToPath(new URL('../../packages/mcp/test/fixtures/replica-server.ts', import.meta.url))

/** So many callers, each calling again as soon as it is answered. */
function callers(
  node: LocalNode,
  tool: string,
  count: number,
): { answered: string[]; failed: unknown[]; end: () => Promise<void> } {
  const client = createApiClient({ dataDir: node.dataDir })
  const [answered, failed]: [string[], unknown[]] = [[], []]
  const over = new AbortController()
  const call = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const { nodeName, isError } = await client.call({ tool, args: {}, timeoutMs: 30_000 })
        if (isError) failed.push(`${nodeName} answered with an error`)
        else answered.push(nodeName)
      } catch (error) {
        failed.push(error)
      }
    }
  }
  const calling = Promise.all(Array.from({ length: count }, call))
  return {
    answered,
    failed,
    end: async () => {
      over.abort()
      await calling
    },
  }
}

describe('a unit that two nodes run', () => {
  it('loses no call that only reads when one of the nodes is killed, and is called at both when it is back', async () => {
    const { nodes } = await meshOf('a', 'b', 'c')
    const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
    const dir = folder()
    for (const name of ['a', 'b']) writeFileSync(`${dir}/${name}.json`, JSON.stringify({ delayMs: 20 }))
    const command = (name: string): string[] => ['--', process.execPath, server, name, dir]
    await a.vsmcp('attach', 'r', ...command('a'))
    expect((await failure(b.dataDir, 'attach', 'r', ...command('b'))).error).toMatchObject({
      code: 'VSMCP_NODE_UNIT_EXISTS',
      hint: expect.stringContaining('--replica') as string,
    })
    await b.vsmcp('attach', 'r', '--replica', ...command('b'))
    const units = async (): Promise<UnitView[]> => (await c.vsmcp('units')) as UnitView[]
    await eventually('both are ready', async () =>
      (await units()).filter(({ name, state }) => name === 'r' && state === 'ready').length === 2 ? true : undefined,
    )
    expect((await units()).every(({ weight }) => (weight ?? 0) > 0.5)).toBe(true)
    const shown = (await c.vsmcp('tools')) as { qualifiedName: string }[]
    expect(shown.filter(({ qualifiedName }) => qualifiedName === 'r__look')).toHaveLength(1)

    const calls = callers(c, 'r__look', 8)
    await eventually('both are called', async () => (new Set(calls.answered).size === 2 ? true : undefined))
    await b.end('SIGKILL')
    const before = calls.answered.length
    await eventually('a hundred more', async () => (calls.answered.length > before + 100 ? true : undefined))
    nodes.splice(1, 1)
    nodes.push(await LocalNode.start(b.dataDir, 'b', b.sameAddresses))
    const since = calls.answered.length
    await eventually(
      'the other is called again',
      async () => (calls.answered.slice(since).includes('b') ? true : undefined),
      60_000,
    )
    await calls.end()
    expect(calls.failed).toEqual([])
  }, 120_000)
})

describe('a worker unit', () => {
  it('runs the tools of a module in threads, from the bundle', async () => {
    const { nodes } = await meshOf('a')
    const a = nth(nodes, 0)
    const module = `${folder()}/tools.mjs`
    writeFileSync(
      module,
      `import { isMainThread, threadId } from 'node:worker_threads'
       export const tools = [{ name: 'where', handler: () => ({ isMainThread, threadId }) }, { name: 'spin', handler() { for (;;); } }]`,
    )
    const attached = await a.vsmcp('attach', 'w', '--worker', module, '--threads', '2')
    expect(attached).toMatchObject({ outcome: 'attached', unit: { kind: 'worker', tools: 2 } })
    const { result } = (await a.vsmcp('call', 'w__where')) as { result: { content: { text: string }[] } }
    expect(JSON.parse(result.content[0]?.text ?? '')).toMatchObject({ isMainThread: false })
    expect((await failure(a.dataDir, 'call', 'w__spin', '--timeout', '1s')).exit).toBe(6)
    await a.vsmcp('call', 'w__where')
    expect(await a.vsmcp('attach', 'w', '--worker', module, '--threads', '2')).toMatchObject({ outcome: 'unchanged' })
  }, 60_000)
})
