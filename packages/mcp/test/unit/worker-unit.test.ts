import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { InvalidArgumentError, OutcomeUnknownError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import type { McpReply, Unit, UnitSource } from '@vsmcp/mcp'
import {
  fixturePath,
  makeUnit,
  nextEvent,
  nextLine,
  sharedUnit,
  startUnit,
  temporaryDirectory,
  toolCall,
} from './support/unit-fixture.ts'

type Worker = Extract<UnitSource, { kind: 'worker' }>

function worker(change: Partial<Worker> = {}): Worker {
  const module = fixturePath('worker-tools')
  return { kind: 'worker', module, threads: 2, threadMemoryMb: 64, env: { SECRET: 'x' }, cwd: tmpdir(), ...change }
}

interface Result {
  content: { text: string }[]
  isError?: boolean
  structuredContent?: object
}

function resultOf(reply: McpReply): Result {
  if ('error' in reply) throw new Error(reply.error.message)
  return JSON.parse(reply.resultJson) as Result
}

const textOf = (reply: McpReply): string => resultOf(reply).content[0]?.text ?? ''

/** Any call, after what was done to the unit. */
async function expectItServes(unit: Unit): Promise<void> {
  expect(resultOf(await unit.request(toolCall('add', { a: 1, b: 2 })))).toMatchObject({ structuredContent: { sum: 3 } })
}

describe('a worker unit', () => {
  const unit = sharedUnit(worker())

  it('offers what its module exports, as a server of both eras', () => {
    expect(unit().kind).toBe('worker')
    const add = unit().definitions?.tools.find(({ name }) => name === 'add')
    expect(add).toMatchObject({
      description: 'Adds two numbers.',
      inputSchema: { type: 'object', required: ['a', 'b'] },
      outputSchema: { required: ['sum'] },
      annotations: { readOnlyHint: true },
    })
    expect(unit().definitions).toMatchObject({ era: 'modern', serverInfo: { name: 'worker-tools.ts' } })
  })

  it('answers with what a tool returns: text, JSON, or a result of MCP', async () => {
    await expectItServes(unit())
    expect(textOf(await unit().request(toolCall('secret')))).toBe('{"value":"x"}')
    expect(textOf(await unit().request(toolCall('burn', { ms: 1 })))).toBe('true')
    expect(textOf(await unit().request(toolCall('count')))).toBe('counted')
  })

  it('answers with an error of the tool for arguments that do not fit, for what it throws, and for what it never had', async () => {
    expect(resultOf(await unit().request(toolCall('add', { a: 'one' })))).toMatchObject({ isError: true })
    expect(resultOf(await unit().request(toolCall('throw')))).toMatchObject({
      isError: true,
      content: [{ text: 'no such sheet' }],
    })
    expect(resultOf(await unit().request(toolCall('huge')))).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('BigInt') as string }],
    })
    const unknown = await unit().request(toolCall('nothing'))
    expect('error' in unknown || resultOf(unknown).isError).toBe(true)
  })

  it('runs so many calls at once as it has threads, each on a processor of its own', async () => {
    const dir = temporaryDirectory()
    const met = await Promise.all([1, 2].map(async () => textOf(await unit().request(toolCall('meet', { dir, count: 2 })))))
    expect(new Set(met).size).toBe(2)
  })

  it('keeps what a module prints apart from its messages', async () => {
    const printed = nextLine(unit(), '{"jsonrpc":"2.0"} is not for you')
    expect(resultOf(await unit().request(toolCall('print')))).toEqual(expect.objectContaining({ content: [] }))
    await printed
  })

  it('tells progress, but not of every step', async () => {
    const seen: number[] = []
    const onNotification = (_method: string, json: string): void =>
      void seen.push((JSON.parse(json) as { progress: number }).progress)
    await unit().request(toolCall('count', {}, { meta: { progressToken: 1 }, onNotification }))
    expect(seen.at(-1)).toBe(1_000)
    expect(seen.length).toBeLessThan(20)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })
})

describe('a call of a worker unit that is cancelled or too late', () => {
  it.each([
    ['listen', 'listening', 'heard'],
    ['wait', 'waiting', 'woken'],
  ])('is told to a tool that listens: %s', async (tool, begun, heard) => {
    const unit = await startUnit(worker({ threads: 1 }))
    const cancel = new AbortController()
    const [runs, hears] = [nextLine(unit, begun), nextLine(unit, heard)]
    const asked = unit.request(toolCall(tool, {}, { signal: cancel.signal }))
    const failed = expect(asked).rejects.toThrow(OutcomeUnknownError)
    await runs
    cancel.abort()
    await Promise.all([failed, hears])
    await expectItServes(unit)
  })

  it('ends the thread of one that does not, and the unit serves on', async () => {
    const unit = await startUnit(worker({ threads: 1 }))
    const cancel = new AbortController()
    const runs = nextLine(unit, 'spinning')
    const failed = expect(unit.request(toolCall('spin', {}, { signal: cancel.signal }))).rejects.toThrow(OutcomeUnknownError)
    await runs
    cancel.abort()
    await failed
    // The only thread spins until it is ended.
    await expectItServes(unit)
    const late = unit.request(toolCall('spin', {}, { deadlineMs: 300 }))
    await expect(late).rejects.toMatchObject({ details: { reason: 'deadline' } })
    await expectItServes(unit)
    expect(unit.stats().restarts).toBe(0)
  })
})

describe('a tool that harms its process', () => {
  it('by its heap is ended alone, with the reason, while another call goes on', async () => {
    const unit = await startUnit(worker())
    const other = unit.request(toolCall('burn', { ms: 1_500 }))
    const eaten = resultOf(await unit.request(toolCall('eat')))
    expect(eaten).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('64 MiB') as string }] })
    expect(textOf(await other)).toBe('true')
    await expectItServes(unit)
    expect(unit.stats().restarts).toBe(0)
  })

  it('by buffers is ended with the process, which is started again', async () => {
    const unit = await startUnit(worker({ threads: 1, threadMemoryMb: 16 }))
    const ready = nextEvent(unit, 'state', ({ state }) => state === 'starting').then(() =>
      nextEvent(unit, 'state', ({ state }) => state === 'ready'),
    )
    await expect(unit.request(toolCall('hoard'))).rejects.toMatchObject({ details: { reason: 'died' } })
    expect(unit.stderrTail().join()).toMatch(/it takes \d+ MiB, and may take 288: it ends/)
    await ready
    await expectItServes(unit)
  })

  it('by leaving it ends its thread alone', async () => {
    const unit = await startUnit(worker())
    expect(resultOf(await unit.request(toolCall('exit')))).toMatchObject({ isError: true })
    await expectItServes(unit)
    expect(unit.stats().restarts).toBe(0)
  })
})

describe('a module that cannot be used', () => {
  it.each([
    ['is not there', undefined, /Cannot find module|ERR_MODULE_NOT_FOUND/],
    ['does not parse', 'export const tools = [', /SyntaxError|Unexpected end/],
    ['exports no tools', 'export const other = 1', /must export "tools", a list/],
    ['has a tool without a handler', 'export const tools = [{ name: "a" }]', /must have a name and a handler/],
    [
      'has two of one name',
      'const handler = () => 1; export default [{ name: "a", handler }, { name: "a", handler }]',
      /two tools are called a/,
    ],
    ['never ends loading', 'for (;;);', /within 3000 ms/],
  ])('fails its unit with the reason: %s', async (_what, text, reason) => {
    const dir = `${temporaryDirectory()}/m`
    mkdirSync(dir)
    if (text !== undefined) writeFileSync(`${dir}/tools.mjs`, text)
    const startTimeoutMs = /within/.test(reason.source) ? 3_000 : 30_000
    await expect(startUnit(worker({ module: `${dir}/tools.mjs` }), { startTimeoutMs })).rejects.toThrow(reason)
  })

  it('is refused before anything is started when its bounds cannot be', async () => {
    await expect(makeUnit(worker({ threads: 0 }))).rejects.toThrow(InvalidArgumentError)
    await expect(makeUnit(worker({ threadMemoryMb: 1 }))).rejects.toMatchObject({
      hint: expect.stringContaining('16 to 65536 MiB') as string,
    })
  })
})
