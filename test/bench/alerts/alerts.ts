import { cpus, loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { type ApiClient, createApiClient } from '../../../packages/api/src/index.ts'
import type { AlertEvent } from '../../../packages/node/src/index.ts'
import type { LocalNode } from '../../../scripts/lib/local-mesh.ts'
import type { LoadOptions, LoadResult } from '../call/load.ts'
import type { BenchContext, Subject } from '../lib/bench.ts'
import { runForJson } from '../lib/processes.ts'

/** Calls of one run of the load generator, which is run again until the alerts are through. */
const CALLS = 10_000

/** Milliseconds between two alerts, so that none waits for another. */
const PAUSE_MS = 60

const LOAD = fileURLToPath(new URL('../call/load.ts', import.meta.url))

/** What the modern era sends with every request. */
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export interface Alert {
  severity: 'low' | 'high' | 'critical'
  subject: string
}

export interface Sample {
  /** From before the alert was handed to the node until System 5 had it committed. */
  wholeMs: number
  /** From when the node felt it. */
  channelMs: number
}

/** Events at System 5, by what they are about. */
export class Heard {
  readonly #events = new Map<string, AlertEvent>()
  readonly #away = new AbortController()
  #wake = (): void => {}

  constructor(system5: ApiClient) {
    void this.#listen(system5)
  }

  async of({ severity, subject }: Alert): Promise<AlertEvent> {
    const timeout = AbortSignal.timeout(30_000)
    for (;;) {
      const event = this.#events.get(`${severity} ${subject}`)
      if (event !== undefined) return event
      if (timeout.aborted) throw new Error(`System 5 did not hear of ${subject} within 30 s`)
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), wait(1_000)])
    }
  }

  stop(): void {
    this.#away.abort()
  }

  async #listen(system5: ApiClient): Promise<void> {
    try {
      for await (const event of system5.watchAlerts({ signal: this.#away.signal })) {
        if (event.alert.decided) this.#events.set(`${event.alert.severity} ${event.alert.subject}`, event)
        this.#wake()
      }
    } catch (error) {
      if (!this.#away.signal.aborted) throw error
    }
  }
}

/** An MCP client calls the mesh's own tool. */
async function raiseAsClient({ ready }: LocalNode, args: Alert): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'vsmcp__alert',
  }
  const params = { name: 'vsmcp__alert', arguments: args, _meta: META }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const text = await (await fetch(ready.mcp, { method: 'POST', headers, body })).text()
  if (!text.includes('System 5 has it')) throw new Error(text)
}

/** The same alert twice, from an MCP client and from a person at this node, one after the other, each until System 5 has it committed. */
export async function raiseBoth(node: LocalNode, { severity, subject }: Alert, heard: Heard): Promise<Sample[]> {
  const person = createApiClient({ dataDir: node.dataDir })
  const ways: [string, (alert: Alert) => Promise<unknown>][] = [
    ['client', (alert) => raiseAsClient(node, alert)],
    ['person', (alert) => person.raiseAlert({ ...alert, feeling: 'pain', text: '' })],
  ]
  const samples: Sample[] = []
  for (const [who, tell] of ways) {
    const alert = { severity, subject: `${who} ${subject} of ${node.ready.name}` }
    const startedMs = Date.now()
    await tell(alert)
    const { at: committed, alert: seen } = await heard.of(alert)
    const atMs = Date.parse(committed)
    samples.push({ wholeMs: atMs - startedMs, channelMs: atMs - Date.parse(seen.last) })
    await wait(PAUSE_MS)
  }
  return samples
}

/** Calls in through one node, of a tool at another, as many as they can take, until it is told to stop. @returns what stops it, and gives calls per second */
function saturate(url: string, tool: string): () => Promise<number> {
  const load = { isWanted: true }
  let from = 0
  const rates: number[] = []
  const running = (async () => {
    while (load.isWanted) {
      const options: LoadOptions = { url, tool, era: 'modern', inFlight: 32, amount: CALLS, from }
      from += CALLS
      const result = (await runForJson([LOAD, JSON.stringify(options)])) as LoadResult
      if (result.answered !== CALLS || result.wrong > 0 || result.errors > 0) throw new Error(JSON.stringify(result))
      rates.push(result.requestsPerSecond)
    }
  })()
  return async () => {
    load.isWanted = false
    await running
    return rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  }
}

function figuresOf(samples: readonly Sample[]): Record<string, number> {
  const share = (of: (sample: Sample) => number, at: number): number => {
    const sorted = samples.map(of).sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
  }
  return {
    'p50 ms': share(({ wholeMs }) => wholeMs, 0.5),
    'p99 ms': share(({ wholeMs }) => wholeMs, 0.99),
    'worst ms': share(({ wholeMs }) => wholeMs, 1),
    'from the node: p50 ms': share(({ channelMs }) => channelMs, 0.5),
    'from the node: p99 ms': share(({ channelMs }) => channelMs, 0.99),
    alerts: samples.length,
  }
}

export interface Measured {
  samples: Sample[]
  callsPerSecond: number
}

/** Alerts at System 5 of `at`, raised by `raise`, while calls of `load` saturate the data plane, where that is given. */
export async function underLoad(
  at: LocalNode,
  load: { readonly url: string; readonly tool: string } | undefined,
  raise: (heard: Heard) => Promise<Sample[]>,
): Promise<Measured> {
  const heard = new Heard(createApiClient({ dataDir: at.dataDir }))
  const stopLoad = load === undefined ? undefined : saturate(load.url, load.tool)
  // A load that has begun, and programs that are warm.
  await wait(2_000)
  try {
    const samples = await raise(heard)
    return { samples, callsPerSecond: (await stopLoad?.()) ?? 0 }
  } finally {
    heard.stop()
  }
}

/** Both cases in turn, round after round, each in a mesh of its own. */
export async function idleAndSaturated(
  { rounds, folder, say }: Pick<BenchContext, 'rounds' | 'folder' | 'say'>,
  measure: (folder: string, isLoaded: boolean) => Promise<Measured>,
): Promise<{ basis: string; idle: Subject; saturated: Subject }> {
  const all: Record<'idle' | 'saturated', Sample[]> = { idle: [], saturated: [] }
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const name of ['idle', 'saturated'] as const) {
      const { samples, callsPerSecond } = await measure(`${folder}/${round}-${name}`, name === 'saturated')
      all[name].push(...samples)
      if (callsPerSecond > 0) rates.push(callsPerSecond)
      say(`round ${round + 1}: ${name}: ${JSON.stringify({ ...figuresOf(samples), callsPerSecond })}`)
    }
  }
  const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length
  return {
    basis: `all alerts of ${rounds} round${rounds === 1 ? '' : 's'}`,
    idle: { name: 'mesh idle', figures: { ...figuresOf(all.idle), 'calls/s': 0 } },
    saturated: { name: 'data plane saturated', figures: { ...figuresOf(all.saturated), 'calls/s': rate } },
  }
}

export const machineNote = (): string =>
  `The machine besides: load average ${loadavg()[0]?.toFixed(1) ?? '?'} at the end, on ${cpus().length} processors.`
