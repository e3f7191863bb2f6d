/**
 * The load generator, a process of its own: `node load.ts '{"url":…,"era":…,"inFlight":…,"amount":…}'`. Every request asks
 * something else, every answer is compared with what it must say. Prints one line of figures.
 */
import autocannon from 'autocannon'

import { answerFor } from './question.ts'

export type Era = 'modern' | 'legacy'

export interface LoadOptions {
  url: string
  era: Era
  /** Name the tool is listed by. */
  tool: string
  inFlight: number
  /** Requests in all. */
  amount: number
  /** First number asked about, so that no two runs against one server ask the same. */
  from: number
}

export interface LoadResult {
  answered: number
  /** Answers that did not say what they must. */
  wrong: number
  /** Connections that failed and requests that timed out. */
  errors: number
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
}

const MODERN_VERSION = '2026-07-28'
const LEGACY_VERSION = '2025-11-25'
const COMMON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** What the modern era sends with every request, as the SDK's client does. */
const META = JSON.stringify({
  'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
})

async function headersFor({ url, era, tool }: LoadOptions): Promise<Record<string, string>> {
  if (era === 'modern') {
    return { ...COMMON_HEADERS, 'mcp-protocol-version': MODERN_VERSION, 'mcp-method': 'tools/call', 'mcp-name': tool }
  }
  const post = async (body: object, headers: Record<string, string>): Promise<Response> =>
    fetch(url, { method: 'POST', headers: { ...COMMON_HEADERS, ...headers }, body: JSON.stringify({ jsonrpc: '2.0', ...body }) })
  const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } }
  const opened = await post({ id: 'initialize', method: 'initialize', params }, {})
  const session = opened.headers.get('mcp-session-id')
  await opened.text()
  if (session === null) throw new Error(`${url} opened no session (${opened.status})`)
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': LEGACY_VERSION }
  await (await post({ method: 'notifications/initialized' }, headers)).text()
  return { ...COMMON_HEADERS, ...headers }
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const { url, era, tool, inFlight, amount, from } = options
  const meta = era === 'modern' ? `,"_meta":${META}` : ''
  const headers = await headersFor(options)
  const latencies = new Float64Array(amount)
  let next = from
  let answered = 0
  let wrong = 0
  const started = performance.now()
  let ended = started
  const run = autocannon<{ n: number }>({
    url,
    connections: inFlight,
    amount,
    method: 'POST',
    headers,
    requests: [
      {
        setupRequest(request, context) {
          const n = next++
          context.n = n
          const call = `"params":{"name":"${tool}","arguments":{"key":"key-${n % 997}","n":${n}}${meta}}`
          return { ...request, body: `{"jsonrpc":"2.0","id":${n},"method":"tools/call",${call}}` }
        },
        onResponse(status, body, { n }) {
          if (status !== 200 || !body.includes(`"${answerFor(`key-${n % 997}`, n)}"`)) wrong++
        },
      },
    ],
  })
  run.on('response', (_client, _status, _bytes, responseTimeMs) => {
    latencies[answered++] = responseTimeMs
    ended = performance.now()
  })
  const { errors, timeouts } = await run
  // autocannon itself ends only at its next full second.
  const seconds = (ended - started) / 1_000
  const sorted = latencies.subarray(0, answered).sort()
  return {
    answered,
    wrong,
    errors: errors + timeouts,
    requestsPerSecond: answered / seconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  }
}

if (import.meta.main) console.log(JSON.stringify(await load(JSON.parse(process.argv[2] ?? '{}') as LoadOptions)))
