import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { answerFor } from '../../bench/call/question.ts'
import { CALL_PAUSE_MS, CALL_TIMEOUT_MS, GRACE_MS } from './constants.ts'
import { DOCUMENTED } from './documented.ts'

/** What became of one call of a read-only tool. */
export interface CallRecord {
  /** The node the client speaks to, and the unit it asks there. */
  entry: string
  unit: string
  startedAt: number
  endedAt: number
  /** `answered`, the code of a documented error, `entry down`, or what should never be. */
  outcome: string
  isFault: boolean
}

export interface ClientsInit {
  entries: readonly string[]
  units: readonly string[]
  /** Undefined while the node's process is not there to be asked. */
  socketOf: (entry: string) => string | undefined
  /** Counts up whenever the node's process is stopped, killed or started: a call during which it changed may get no answer. */
  livesOf: (entry: string) => number
  /** Whether the node's process runs now. */
  isUp: (entry: string) => boolean
}

interface Answer {
  result?: { content?: { text?: string }[]; isError?: boolean }
  error?: { message: string; data?: { code?: string } }
}

/** One client for each node and unit, calling a read-only tool without end; every call is kept with what became of it. */
export class Clients {
  readonly records: CallRecord[] = []
  readonly #init: ClientsInit
  readonly #loops: Promise<void>[]
  #isRunning = true
  #count = 0

  constructor(init: ClientsInit) {
    this.#init = init
    this.#loops = init.entries.flatMap((entry) => init.units.map((unit) => this.#keepCalling(entry, unit)))
  }

  /** Whether the newest call of every client began since then and was answered: who is alive need not be connected yet. */
  allAnsweredSince(from: number): boolean {
    const { entries, units } = this.#init
    const newest = (entry: string, unit: string): CallRecord | undefined =>
      this.records.findLast((record) => record.entry === entry && record.unit === unit)
    const isAnswered = (record: CallRecord | undefined): boolean =>
      record !== undefined && record.startedAt >= from && record.outcome === 'answered'
    return entries.every((entry) => units.every((unit) => isAnswered(newest(entry, unit))))
  }

  /** Calls that began and ended in a time. */
  within(from: number, to: number): CallRecord[] {
    return this.records.filter(({ startedAt, endedAt }) => startedAt >= from && endedAt <= to)
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#loops)
  }

  async #keepCalling(entry: string, unit: string): Promise<void> {
    while (this.#isRunning) {
      const { socketOf, livesOf, isUp } = this.#init
      const [lives, wasUp] = [livesOf(entry), isUp(entry)]
      const socketPath = socketOf(entry)
      const n = ++this.#count
      const startedAt = performance.now()
      const [outcome, isFault] = await call(socketPath, unit, n).then(
        (answer) => judge(answer, n),
        (error: unknown): [string, boolean] =>
          // A client sees its connection refused, cut or silent, as with any server whose process is gone.
          livesOf(entry) !== lives || !wasUp ? ['entry down', false] : [`no answer: ${String(error)}`, true],
      )
      this.records.push({ entry, unit, startedAt, endedAt: performance.now(), outcome, isFault })
      await sleep(CALL_PAUSE_MS)
    }
  }
}

function judge({ result, error }: Answer, n: number): [string, boolean] {
  if (result !== undefined) {
    const text = result.content?.[0]?.text
    return result.isError !== true && text === answerFor(`k${n}`, n)
      ? ['answered', false]
      : [`wrong: ${JSON.stringify(result)}`, true]
  }
  const code = error?.data?.code
  return code !== undefined && DOCUMENTED.has(code) ? [code, false] : [`undocumented: ${JSON.stringify(error)}`, true]
}

/** A tool call as an MCP client makes it, over the node's own socket. */
async function call(socketPath: string | undefined, unit: string, n: number): Promise<Answer> {
  if (socketPath === undefined) throw new Error('the node is not running')
  const name = `${unit}__lookup`
  const params = { name, arguments: { key: `k${n}`, n }, _meta: META }
  const body = JSON.stringify({ jsonrpc: '2.0', id: n, method: 'tools/call', params })
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asked = request(
    { socketPath, path: '/mcp', method: 'POST', headers: { ...HEADERS, 'mcp-name': name }, timeout: CALL_TIMEOUT_MS + GRACE_MS },
    (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.once('error', reject)
      response.once('close', () => {
        try {
          resolve(JSON.parse(text) as Answer)
        } catch {
          reject(new Error(`HTTP ${response.statusCode ?? 0} with ${JSON.stringify(text.slice(0, 200))}`))
        }
      })
    },
  )
  asked.once('timeout', () => asked.destroy(new Error('no answer within the deadline and its grace')))
  asked.once('error', reject)
  asked.end(body)
  return promise
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'partitions', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
  'vsmcp/timeoutMs': CALL_TIMEOUT_MS,
}
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
}
