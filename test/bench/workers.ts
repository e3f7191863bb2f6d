import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'

import { type ApiClient, createApiClient } from '../../packages/api/src/index.ts'
import { startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import { atLeast, atMost, type Bench, median, medians } from './lib/bench.ts'

/** Rounds of arithmetic in one call: some 50 ms of a processor. */
const ROUNDS = 10_000_000
const CALLS = 60
const LIGHT_CALLS = 400

/** The same work, once as a module of tools, once as an ordinary server that computes where it listens. */
const WORK = `
export function work(rounds) {
  let sum = 0
  for (let at = 0; at < rounds; at++) sum += Math.sqrt(at)
  return String(sum)
}`
const MODULE = `${WORK}
export const tools = [{ name: 'work', handler: ({ rounds }) => work(rounds) }, { name: 'light', handler: () => 'ok' }]`
const SERVER = `${WORK}
import { createInterface } from 'node:readline'
const inputSchema = { type: 'object' }
const answer = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  if (method === 'initialize')
    return answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'single', version: '1' } })
  if (method === 'tools/list') return answer(id, { tools: [{ name: 'work', inputSchema }, { name: 'light', inputSchema }] })
  if (method !== 'tools/call') return process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }) + '\\n')
  answer(id, { content: [{ type: 'text', text: params.name === 'work' ? work(params.arguments.rounds) : 'ok' }] })
})`

/** Calls of a tool, so many at a time. @returns milliseconds of each */
async function load(
  client: ApiClient,
  tool: string,
  args: Record<string, unknown>,
  calls: number,
  width: number,
): Promise<number[]> {
  const latencies: number[] = []
  let left = calls
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const beganMs = performance.now()
      const { isError } = await client.call({ tool, args, timeoutMs: 120_000 })
      if (isError) throw new Error(`${tool} answered with an error`)
      latencies.push(performance.now() - beganMs)
    }
  }
  await Promise.all(Array.from({ length: width }, caller))
  return latencies
}

export const workersBench: Bench = {
  name: 'workers',
  title: 'tools that compute: a worker unit of as many threads as there are cores, beside a server of one process',
  async run(context) {
    const { rounds, folder } = context
    const threads = availableParallelism()
    const [a] = await startMesh(folder, ['a'])
    if (a === undefined) throw new Error('a mesh has a node')
    try {
      writeFileSync(`${folder}/tools.mjs`, MODULE)
      writeFileSync(`${folder}/server.mjs`, SERVER)
      await a.vsmcp('attach', 'pool', '--worker', `${folder}/tools.mjs`, '--threads', String(threads))
      await a.vsmcp('attach', 'single', '--', process.execPath, `${folder}/server.mjs`)
      await a.vsmcp('attach', 'aside', '--', process.execPath, `${folder}/server.mjs`)
      const client = createApiClient({ dataDir: a.dataDir })
      const measure = async (unit: string): Promise<Record<string, number>> => {
        await load(client, `${unit}__work`, { rounds: ROUNDS }, threads, threads)
        const beganMs = performance.now()
        const busy = load(client, `${unit}__work`, { rounds: ROUNDS }, CALLS, 2 * threads)
        const aside = await load(client, 'aside__light', {}, LIGHT_CALLS, 1)
        await busy
        const perS = (CALLS * 1_000) / (performance.now() - beganMs)
        return { 'calls per s': perS, 'ms p50 of another unit meanwhile': median(aside) }
      }
      const found: Record<'pool' | 'single', Record<string, number>[]> = { pool: [], single: [] }
      const idle: number[] = []
      for (let round = 0; round < rounds; round++) {
        idle.push(median(await load(client, 'aside__light', {}, LIGHT_CALLS, 1)))
        for (const unit of ['pool', 'single'] as const) found[unit].push(await measure(unit))
        context.say(`round ${round + 1} of ${rounds}`)
      }
      const [pool, single] = [medians(found.pool), medians(found.single)]
      const status = (await a.watchStatus()()) as { process: { eventLoopLagMs: number } }
      const gain = (pool['calls per s'] ?? 0) / (single['calls per s'] ?? 1)
      return {
        subjects: [
          { name: `worker unit, ${threads} threads`, figures: pool },
          { name: 'one process', figures: single },
          { name: 'nothing computes', figures: { 'ms p50 of another unit meanwhile': median(idle) } },
        ],
        targets: [
          atLeast('calls per s, worker unit / one process', gain, 0.75 * threads),
          atMost("delay of the node's event loop, ms", status.process.eventLoopLagMs, 50, ' ms'),
        ],
        notes: [
          `${threads} threads on ${cpus().length} cores; load of the machine at the end ${loadavg()[0]?.toFixed(1)}. ${CALLS} calls of some 50 ms, ${2 * threads} at a time, through the control socket of the node.`,
          'Whoever computes takes processor time from all: on as many cores as threads the other unit waits for the scheduler, never for the node.',
        ],
      }
    } finally {
      await stopMesh([a])
    }
  },
}
