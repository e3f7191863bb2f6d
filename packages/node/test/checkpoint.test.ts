import { type Clock, type Logger, silentLogger, systemClock } from '@vsmcp/kernel'
import type { RoutedRequest } from '@vsmcp/mcp'
import { pack, unpack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { CHECKPOINT_BYTES_MAX, CHECKPOINT_PERIOD_MS } from '../src/constants.ts'
import { Checkpoint, type CheckpointShape } from '../src/tree/checkpoint.ts'
import { AUDITS, BARGAIN, PERFORMANCE, SENSES, VARIETY } from '../src/tree/checkpoints.ts'
import { foundMesh, sameAddresses, startNode, type TestNode, until } from './support/group.ts'
import { MemoryStore } from './support/memory-store.ts'
import { attach } from './support/servers.ts'

const SHAPE: CheckpointShape<{ count: number }> = { name: 'part', version: 1, schema: z.object({ count: z.int() }) }

/** A part that counts, on a disk that outlives it. */
class Bench {
  readonly kv = new MemoryStore()
  readonly warned: string[] = []
  readonly scope: { hasCrashed: boolean; clock: Clock } = { hasCrashed: false, clock: systemClock }
  tick = (): void => {}
  nowMs = 1_000_000

  constructor() {
    const warn = (_fields: object, msg: string): void => void this.warned.push(msg)
    this.logger = { ...silentLogger, warn, info: warn }
    this.scope.clock = {
      ...systemClock,
      wallMs: () => this.nowMs,
      every: (_periodMs, fn) => {
        this.tick = fn
        return { cancel: () => (this.tick = () => {}) }
      },
    }
  }

  readonly logger: Logger

  /** One life that counts as far as it gets. */
  async live(change: Partial<CheckpointShape<{ count: number }>> = {}) {
    const checkpoint = new Checkpoint({ ...SHAPE, ...change }, { kv: this.kv, scope: this.scope, logger: this.logger })
    this.scope.hasCrashed = false
    const counter = { count: 0 }
    const begun = await checkpoint.begin(() => ({ count: counter.count }))
    counter.count = begun?.state.count ?? 0
    return Object.assign(counter, { begun, end: () => checkpoint.end() })
  }

  async stored(): Promise<Record<string, unknown>> {
    return unpack((await this.kv.get('part')) ?? pack({})) as Record<string, unknown>
  }
}

describe('a checkpoint', () => {
  it('is written at an orderly end, and begins the next life, which is told how long ago that was', async () => {
    const bench = new Bench()
    const first = await bench.live()
    expect(first.begun).toBeUndefined()
    first.count = 7
    await first.end()
    bench.nowMs += 60_000
    expect((await bench.live()).begun).toEqual({ state: { count: 7 }, agoMs: 60_000 })
  })

  it('is written at intervals: a crash, of the part or of the process, loses what came since', async () => {
    const bench = new Bench()
    const first = await bench.live()
    first.count = 3
    bench.tick()
    await expect.poll(async () => (await bench.stored())['state']).toEqual({ count: 3 })
    first.count = 4
    bench.scope.hasCrashed = true
    await first.end()
    expect((await bench.live()).begun?.state).toEqual({ count: 3 })
  })

  it.each<[string, Uint8Array]>([
    ['cut short', pack({ version: 1, atMs: 1, begun: 0, state: { count: 1 } }).subarray(0, 9)],
    ['no checkpoint', pack('x')],
    ['of another form', pack({ version: 1, atMs: 1, begun: 0, state: { count: 'many' } })],
  ])('that is %s is left out with a line in the log, and the next one is written over it', async (_what, bytes) => {
    const bench = new Bench()
    await bench.kv.write([{ type: 'put', key: 'part', value: bytes }])
    const life = await bench.live()
    expect(life.begun).toBeUndefined()
    expect(bench.warned).toEqual(['what the part knew cannot be read: it begins afresh'])
    life.count = 1
    await life.end()
    expect((await bench.live()).begun?.state).toEqual({ count: 1 })
  })

  it('of another version is not read', async () => {
    const bench = new Bench()
    await (await bench.live()).end()
    expect((await bench.live({ version: 2 })).begun).toBeUndefined()
    expect(bench.warned).toEqual(['what the part knew was written by another version: it begins afresh'])
  })

  it('that is too large is not written, said once, and the one before stands', async () => {
    const bench = new Bench()
    const schema = z.object({ count: z.int(), text: z.string().optional() }) as unknown as (typeof SHAPE)['schema']
    let text = ''
    const checkpoint = new Checkpoint({ ...SHAPE, schema }, { kv: bench.kv, scope: bench.scope, logger: bench.logger })
    await checkpoint.begin(() => ({ count: 1, text }))
    bench.tick()
    await expect.poll(async () => (await bench.stored())['state']).toEqual({ count: 1, text: '' })
    text = 'x'.repeat(CHECKPOINT_BYTES_MAX)
    bench.tick()
    bench.tick()
    await checkpoint.end()
    expect((await bench.stored())['state']).toEqual({ count: 1, text: '' })
    expect(bench.warned).toEqual(['what the part knows is too large to be kept'])
  })

  it('that three lives began with and none outlived is not given to a fourth', async () => {
    const bench = new Bench()
    const first = await bench.live()
    first.count = 13
    await first.end()
    for (let life = 1; life <= 3; life++) expect((await bench.live()).begun?.state).toEqual({ count: 13 })
    expect((await bench.live()).begun).toBeUndefined()
    expect(bench.warned).toEqual(['no life lasted that began with what the part knew: it begins afresh'])
    // One that writes again has outlived it.
    const lasting = await bench.live()
    await lasting.end()
    for (let life = 1; life <= 3; life++) {
      const next = await bench.live()
      expect(next.begun).toBeDefined()
      bench.tick()
      await expect.poll(async () => (await bench.stored())['begun']).toBe(0)
    }
  })
})

/** Time that passes when it is told to: intervals are not waited for. */
class Ahead implements Clock {
  aheadMs = 0
  readonly #ticks = new Map<number, Set<() => void>>()
  wallMs = (): number => systemClock.wallMs() + this.aheadMs
  monotonicMs = (): number => systemClock.monotonicMs() + this.aheadMs
  after: Clock['after'] = (delayMs, fn) => systemClock.after(delayMs, fn)
  every: Clock['every'] = (periodMs, fn) => {
    const ticks = this.#ticks.get(periodMs) ?? new Set()
    this.#ticks.set(periodMs, ticks.add(fn))
    const timer = systemClock.every(periodMs, fn)
    return {
      cancel: () => {
        ticks.delete(fn)
        timer.cancel()
      },
    }
  }

  /** What is done every so often is done now. */
  tick(periodMs: number): void {
    for (const fn of this.#ticks.get(periodMs) ?? []) fn()
  }
}

async function call(node: TestNode, tool: string, args: object): Promise<void> {
  const request: RoutedRequest = {
    method: 'tools/call',
    target: tool,
    paramsJson: JSON.stringify({ name: tool, arguments: args }),
    deadlineMs: 20_000,
    signal: new AbortController().signal,
    onNotification: () => {},
  }
  await node.router.request(request).catch(() => {})
}

/** When the checkpoint that is on disk was taken, by the node's wall clock. */
async function writtenMs({ store }: TestNode, part: string): Promise<number> {
  const bytes = await store.kv('checkpoints').get(part)
  return bytes === undefined ? 0 : (unpack(bytes) as { atMs: number }).atMs
}

const grace = { timeout: 30_000 }

describe('organs of a running node', () => {
  it('go on with their figures after a crash of their own, and after the process was killed', async () => {
    const clock = new Ahead()
    const node = await foundMesh('a', { clock })
    // It owes what it cannot deliver: every call is slower than that.
    await node.units.attach(attach('u', 'hostile-server', ['slow'], { terms: { targetP99Ms: 1 } }))
    await until(node, () => node.catalog.units.length === 1)
    const failing = node.performance
    for (let window = 0; window < 4; window++) {
      for (let i = 0; i < 5; i++) await call(node, 'u__tool', { ms: 5 })
      node.operations.report()
      await expect.poll(() => failing.missedInARow('u', 'latency'), grace).toBeGreaterThan(window)
    }
    for (let i = 0; i < 7; i++) await call(node, 'nobody__has', {})
    await expect.poll(() => failing.exceptions.map(({ metric }) => metric), grace).toEqual(['latency'])
    clock.aheadMs += 10_000
    node.bargaining.bargain()
    const ordinal = node.bargaining.grantOf('u')?.ordinal ?? 0
    expect(ordinal).toBeGreaterThan(0)
    const since = failing.exceptions[0]?.sinceMs
    const { calls } = node.variety.figures()
    expect(calls).toBe(27)
    const unmet = node.variety.meter.unmet()
    const tickedMs = clock.wallMs()
    clock.tick(CHECKPOINT_PERIOD_MS)
    await Promise.all(
      [VARIETY, PERFORMANCE, BARGAIN, AUDITS, SENSES].map(({ name }) =>
        expect.poll(() => writtenMs(node, name), grace).toBeGreaterThanOrEqual(tickedMs),
      ),
    )

    const organs = ['variety', 'performance', 'resource bargain', 'audits', 'senses of units'] as const
    for (const organ of organs) node.scopes.of(organ).crash(new Error('planted'))
    const restarts = (of: { id: string; restarts: number; children?: readonly unknown[] }[]): number =>
      of.reduce((sum, each) => sum + each.restarts + restarts((each.children ?? []) as typeof of), 0)
    await expect.poll(() => restarts((node.tree.inspect().children ?? []) as never), grace).toBeGreaterThanOrEqual(organs.length)
    const asBefore = (of: TestNode): void => {
      expect(of.variety.figures()).toMatchObject({ calls })
      expect(of.variety.meter.unmet()).toEqual(unmet)
      expect(of.performance.exceptions).toMatchObject([{ metric: 'latency', sinceMs: since, node: of.peer }])
    }
    asBefore(node)
    await expect.poll(() => node.bargaining.grantOf('u')?.ordinal, grace).toBeGreaterThanOrEqual(ordinal)

    // Killed: nothing is written at its end.
    for (const organ of organs) node.scopes.of(organ).crash(new Error('killed'))
    const { init } = sameAddresses(node)
    await node.stop()
    const again = await startNode(node.dir, { clock, ...(init === undefined ? {} : { init }) })
    asBefore(again)
    await expect.poll(() => again.bargaining.grantOf('u')?.ordinal, grace).toBeGreaterThanOrEqual(ordinal)
  }, 120_000)
})
