import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { callTool } from '../src/control/tool-call.ts'
import type { AttachRequest } from '../src/system1/contract.ts'
import { emptyDirectory, startGroup, type TestNode, until } from './support/group.ts'
import { attach } from './support/servers.ts'

const grace = { timeout: 20_000 }

const MODULE = fileURLToPath(new URL('../../mcp/test/fixtures/worker-tools.ts', import.meta.url))

function worker(name: string, threads: number): AttachRequest {
  const source = { kind: 'worker', module: MODULE, threads, threadMemoryMb: 64, env: {}, cwd: '/' } as const
  return { name, source, startTimeoutMs: 30_000, replace: false }
}

async function call(node: TestNode, tool: string, args: Record<string, unknown>): Promise<string> {
  const components = {
    catalog: node.catalog,
    router: node.router,
    clock: { monotonicMs: () => performance.now() } as never,
    nameOf: String,
  }
  const { result } = await callTool(components, { tool, args, timeoutMs: 60_000 })
  return (result as { content: { text: string }[] }).content[0]?.text ?? ''
}

describe('a worker unit of a node', () => {
  it('is listed and called as any unit, and keeps neither other calls, nor System 5, nor its own node waiting while all its threads compute', async () => {
    const [a, b, c] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    const dir = await emptyDirectory()
    const meeting = `${dir}/meeting`
    mkdirSync(meeting)
    await a.units.attach(worker('w', 2))
    await a.units.attach(attach('other', 'replica-server', ['a', dir]))
    await until(b, () => b.catalog.units.length === 2)
    expect(b.catalog.units.find(({ unit }) => unit === 'w')?.offer.kind).toBe('worker')
    // More than its threads would only wait in its process.
    await expect.poll(() => a.units.get('w')?.limits.concurrency, grace).toBe(2)

    // Two threads block until a third guest has come, which nobody lets in yet.
    const meets = [1, 2].map(() => call(b, 'w__meet', { dir: meeting, count: 3 }))
    const work = (): object => ({ inFlight: a.units.get('w')?.stats().inFlight, queued: a.units.get('w')?.stats().queued })
    await expect.poll(work, grace).toEqual({ inFlight: 2, queued: 0 })
    const waits = call(c, 'w__add', { a: 1, b: 1 })
    await expect.poll(work, grace).toEqual({ inFlight: 2, queued: 1 })
    const term = a.log.status()?.term
    for (let round = 0; round < 20; round++) {
      expect(await call(b, 'other__look', {})).toBe('a')
      await delay(50)
    }
    // Twenty heartbeats and more have passed: nobody doubted the leader, and the group decides.
    expect(a.log.status()?.term).toBe(term)
    await c.units.attach(attach('third', 'replica-server', ['c', dir]))
    expect(work()).toEqual({ inFlight: 2, queued: 1 })

    writeFileSync(`${meeting}/third`, '')
    expect(new Set(await Promise.all(meets)).size).toBe(2)
    expect(await waits).toBe('{"sum":2}')
  })

  it('may be one of several, as any unit', async () => {
    const [a, b] = (await startGroup(2)) as [TestNode, TestNode]
    await a.units.attach(worker('w', 1))
    await b.units.attach({ ...worker('w', 1), replica: true })
    await until(a, () => a.catalog.units[0]?.callable.length === 2)
    expect(await call(b, 'w__add', { a: 2, b: 2 })).toBe('{"sum":4}')
  })
})
