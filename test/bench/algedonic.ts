import { mkdirSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { type ApiClient, createApiClient } from '../../packages/api/src/index.ts'
import type { AlertEvent } from '../../packages/node/src/index.ts'
import { type LocalNode, startMesh, stopMesh } from '../../scripts/lib/local-mesh.ts'
import type { LoadOptions, LoadResult } from './call/load.ts'
import { atMost, type Bench, type Subject } from './lib/bench.ts'
import { runForJson } from './lib/processes.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const TOOL = 'lookup__lookup'
/** Calls of one run of the load generator, which is run again until the alerts are through. */
const CALLS = 10_000
/** New alerts a source may raise at once; each is felt three times, ever more severe, and each of these is told at once. */
const SUBJECTS = 8
const SEVERITIES = ['low', 'high', 'critical'] as const
/** Milliseconds between two alerts, so that none waits for another. */
const PAUSE_MS = 60

/** What the modern era sends with every request. */
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export type Alert = { severity: (typeof SEVERITIES)[number]; subject: string }

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
export async function raiseAsClient({ ready }: LocalNode, args: Alert): Promise<void> {
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

async function sample(nodes: readonly LocalNode[], heard: Heard): Promise<Sample[]> {
  const samples: Promise<Sample>[] = []
  for (let at = 0; at < SUBJECTS; at++) {
    for (const severity of SEVERITIES) {
      for (const node of nodes) {
        const person = createApiClient({ dataDir: node.dataDir })
        const name = node.ready.name
        const raise: [Alert, (alert: Alert) => Promise<unknown>][] = [
          [{ severity, subject: `client ${at} of ${name}` }, (alert) => raiseAsClient(node, alert)],
          [
            { severity, subject: `person ${at} of ${name}` },
            (alert) => person.raiseAlert({ ...alert, feeling: 'pain', text: '' }),
          ],
        ]
        for (const [alert, tell] of raise) {
          const startedMs = Date.now()
          await tell(alert)
          const { at: committed, alert: seen } = await heard.of(alert)
          const atMs = Date.parse(committed)
          samples.push(Promise.resolve({ wholeMs: atMs - startedMs, channelMs: atMs - Date.parse(seen.last) }))
          await wait(PAUSE_MS)
        }
      }
    }
  }
  return Promise.all(samples)
}

/** Calls in through one node, of a tool at another, as many as they can take, until it is told to stop. @returns what stops it, and gives calls per second */
export function saturate(url: string, tool = TOOL): () => Promise<number> {
  const load = { isWanted: true }
  let from = 0
  const rates: number[] = []
  const running = (async () => {
    while (load.isWanted) {
      const options: LoadOptions = { url, tool, era: 'modern', inFlight: 32, amount: CALLS, from }
      from += CALLS
      const result = (await runForJson([here('./call/load.ts'), JSON.stringify(options)])) as LoadResult
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

export function figuresOf(samples: readonly Sample[]): Record<string, number> {
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

interface Measured {
  samples: Sample[]
  callsPerSecond: number
}

async function measure(folder: string, isLoaded: boolean): Promise<Measured> {
  const counts = `${folder}/counts`
  mkdirSync(counts, { recursive: true })
  const nodes = await startMesh(`${folder}/mesh`, ['a', 'b', 'c'])
  try {
    const status = (await nodes[0]?.vsmcp('status')) as { system5: { leaderName: string } }
    const leader = nodes.find(({ ready }) => ready.name === status.system5.leaderName)
    const [source, other] = nodes.filter((node) => node !== leader)
    if (leader === undefined || source === undefined || other === undefined) throw new Error('nobody leads')
    const env = ['--env', `LOOKUP_COUNTS_FOLDER=${counts}`, '--env', 'NODE_ENV=production']
    await source.vsmcp('attach', 'lookup', ...env, '--', process.execPath, here('./call/stdio-server.ts'))
    await other.vsmcp('wait', '--tool', TOOL, '--timeout', '30s')
    const heard = new Heard(createApiClient({ dataDir: leader.dataDir }))
    const stopLoad = isLoaded ? saturate(other.ready.mcp) : undefined
    // A load that has begun, and programs that are warm.
    await wait(2_000)
    try {
      const samples = await sample([source, other], heard)
      return { samples, callsPerSecond: (await stopLoad?.()) ?? 0 }
    } finally {
      heard.stop()
    }
  } finally {
    await stopMesh(nodes)
  }
}

export const algedonicBench: Bench = {
  name: 'algedonic',
  title: 'An alert, from who feels it to System 5, two levels up on another node',
  async run(context) {
    const { rounds, folder } = context
    const all: Record<'idle' | 'saturated', Sample[]> = { idle: [], saturated: [] }
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const name of ['idle', 'saturated'] as const) {
        const { samples, callsPerSecond } = await measure(`${folder}/${round}-${name}`, name === 'saturated')
        all[name].push(...samples)
        if (callsPerSecond > 0) rates.push(callsPerSecond)
        context.say(`round ${round + 1}: ${name}: ${JSON.stringify({ ...figuresOf(samples), callsPerSecond })}`)
      }
    }
    const subjects: Subject[] = [
      { name: 'mesh idle', figures: { ...figuresOf(all.idle), 'calls/s': 0 } },
      {
        name: 'data plane saturated',
        figures: { ...figuresOf(all.saturated), 'calls/s': rates.reduce((sum, rate) => sum + rate, 0) / rates.length },
      },
    ]
    const [idle, saturated] = subjects
    const figure = (of: Subject | undefined, name: string): number => of?.figures[name] ?? Number.NaN
    return {
      basis: `all alerts of ${rounds} round${rounds === 1 ? '' : 's'}`,
      subjects,
      targets: [
        atMost('p99, data plane saturated', figure(saturated, 'p99 ms'), 100, ' ms'),
        atMost('p99, mesh idle', figure(idle, 'p99 ms'), 100, ' ms'),
      ],
      notes: [
        'Three nodes, all voters; alerts at the two that do not lead, half by an MCP client (`vsmcp__alert` over HTTP), half by a person (`/v1`); until they are committed, fsynced by a quorum, and applied at the leader, by its clock, in whole milliseconds.',
        'Saturated: 32 calls in flight at one of these nodes, of a tool at the other, as fast as they are answered: nodes, server and load generator share the cores.',
        `The machine besides: load average ${loadavg()[0]?.toFixed(1) ?? '?'} at the end, on ${cpus().length} processors.`,
        `p50 saturated ÷ idle: ${(figure(saturated, 'p50 ms') / figure(idle, 'p50 ms')).toPrecision(3)}; p99: ${(figure(saturated, 'p99 ms') / figure(idle, 'p99 ms')).toPrecision(3)}.`,
      ],
    }
  },
}
