import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { BusyError, type Clock } from '@vsmcp/kernel'
import type { Era } from '../contract.ts'
import type { Call, GivenUpReason } from './call.ts'
import type { Connection, ConnectionHooks, ServerDescription } from './connection.ts'
import { DRAIN_MS, OVERSIZED_LINES_MAX, RUBBISH_LINES_MAX } from './constants.ts'
import { type Incoming, readIncoming } from './incoming.ts'
import { LineReader } from './line-reader.ts'
import { isMoreVerbose } from './log-level.ts'
import { type JsonObject, wireParams } from './params.ts'
import { Outbox } from './outbox.ts'
import { PendingCalls } from './pending-calls.ts'
import type { GuardedProcess, ProcessEnd } from './process-guard.ts'
import { answerServerRequest } from './server-requests.ts'

/** The id of an answer at the very start or end of a line too long to be read: servers put it in one of these places. */
const ID_AT_START = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d+)\s*,/
const ID_AT_END = /,\s*"id"\s*:\s*(\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/

export function describeEnd({ code, signal }: ProcessEnd): string {
  return signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`
}

/**
 * A server on the pipes of its process. Calls are written and answered here, as lines with ids of our own range; all that
 * is not ours goes to the SDK's client through `transport`, which does the handshake and listens for changes.
 */
export class StdioConnection implements Connection {
  readonly closed: Promise<string>
  readonly transport: Transport
  readonly #process: GuardedProcess
  readonly #hooks: ConnectionHooks
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #pending: PendingCalls
  readonly #closed = Promise.withResolvers<string>()
  #server: ServerDescription | undefined
  #envelope: JsonObject = {}
  #logLevel: string | undefined
  #rubbish = 0
  #oversized = 0
  #endReason: string | undefined

  constructor(process: GuardedProcess, hooks: ConnectionHooks, clock: Clock) {
    this.#process = process
    this.#hooks = hooks
    this.#clock = clock
    this.#outbox = new Outbox(process.stdin)
    this.#pending = new PendingCalls(clock)
    this.closed = this.#closed.promise
    this.transport = this.#sdkTransport()
    this.#readPipes()
    void this.#watchExit()
  }

  /** Why it ended or is ending; `undefined` while it runs. */
  get endReason(): string | undefined {
    return this.#endReason
  }

  get server(): ServerDescription {
    if (this.#server === undefined) throw new Error('the handshake is not done')
    return this.#server
  }

  /** The handshake is done: from now on calls are taken. */
  open(server: ServerDescription, envelope: JsonObject): void {
    this.#server = server
    this.#envelope = envelope
  }

  send(call: Call): void {
    const { era } = this.server
    if (this.#endReason !== undefined) return call.fail('died', this.#endReason)
    this.#raiseLogLevel(call)
    call.id = this.#pending.newId()
    const params = wireParams(call.params, era, this.#envelope, call.wantsProgress ? call.id : undefined)
    try {
      this.#outbox.push(requestLine(call.id, call.method, params), call)
    } catch (error) {
      if (!(error instanceof BusyError)) throw error
      return call.reject(error)
    }
    call.onGivenUp = (reason) => this.#cancel(call, reason)
    this.#pending.add(call)
  }

  async close(): Promise<void> {
    this.#endReason ??= 'it was stopped'
    await this.#process.end()
    await this.closed
  }

  #cancel(call: Call, reason: GivenUpReason): void {
    this.#pending.gaveUp(call)
    const meta = this.server.era === 'modern' ? { _meta: this.#envelope } : {}
    const params = {
      requestId: call.id,
      reason: reason === 'deadline' ? 'deadline exceeded' : 'cancelled by the caller',
      ...meta,
    }
    this.#outbox.push(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }))
  }

  /** A legacy server has one level for all; each caller's own is kept by `Call.notify`. */
  #raiseLogLevel(call: Call): void {
    const { era, capabilities } = this.server
    const level = call.logLevel
    if (era === 'modern' || level === undefined || capabilities['logging'] === undefined) return
    if (!isMoreVerbose(level, this.#logLevel)) return
    this.#logLevel = level
    this.#outbox.push(requestLine(this.#pending.newId(), 'logging/setLevel', JSON.stringify({ level })))
  }

  #sdkTransport(): Transport {
    const transport: Transport & { stderr: null; pid: number } = {
      // The SDK takes a transport with these two for a pipe, on which a silent server is a legacy one.
      stderr: null,
      pid: this.#process.pid,
      start: async () => {},
      send: async (message) => {
        if (this.#endReason === undefined) this.#outbox.push(JSON.stringify(message))
      },
      close: async () => {
        transport.onclose?.()
      },
    }
    return transport
  }

  #readPipes(): void {
    const { stdout, stderr } = this.#process
    const lines = new LineReader({
      onLine: (line) => this.#onLine(line),
      onOversized: (start, end) => this.#onOversized(start, end),
    })
    const log = new LineReader({
      onLine: (line) => this.#hooks.onLog('stderr', 'info', line),
      onOversized: (start) => this.#hooks.onLog('stderr', 'info', start),
      lineBytesMax: 64 * 1024,
    })
    stdout.on('data', (chunk: Buffer) => lines.push(chunk))
    stdout.on('end', () => lines.end())
    stderr.on('data', (chunk: Buffer) => log.push(chunk))
    stderr.on('end', () => log.end())
    stdout.on('error', () => {})
    stderr.on('error', () => {})
  }

  #onLine(line: string): void {
    const incoming = readIncoming(line)
    if (incoming === undefined) return this.#onRubbish(line)
    this.#rubbish = 0
    this.#oversized = 0
    if (incoming.kind === 'answer') {
      if (!this.#pending.isOurs(incoming.id)) return this.#toSdk(incoming)
      // One that is not there was given up: its answer comes too late.
      return this.#pending.take(incoming.id)?.answer(this.#era(), incoming)
    }
    if (incoming.kind === 'request') {
      // A modern server has no channel for requests, and its client must not answer any.
      if (this.#era() === 'legacy') this.#outbox.push(answerServerRequest(incoming))
      return
    }
    this.#onNotification(incoming)
  }

  #onNotification(incoming: Extract<Incoming, { kind: 'notification' }>): void {
    if (incoming.method === 'notifications/progress') return this.#pending.callOfProgress(incoming)?.notify(incoming)
    if (incoming.method !== 'notifications/message') return this.#toSdk(incoming)
    const call = this.#pending.callOfLogMessage(this.#era())
    if (call !== undefined) return call.notify(incoming)
    const { level, data } = incoming.params
    const text = typeof data === 'string' ? data : JSON.stringify(data ?? null)
    this.#hooks.onLog('message', typeof level === 'string' ? level : 'info', text)
  }

  /** Before the handshake is done only the SDK speaks, and until it says otherwise a server is a legacy one. */
  #era(): Era {
    return this.#server?.era ?? 'legacy'
  }

  #toSdk(incoming: Incoming): void {
    this.transport.onmessage?.(incoming.value as JSONRPCMessage)
  }

  #onRubbish(line: string): void {
    this.#hooks.onLog('stdout', 'warning', line)
    this.#hooks.onRubbish?.(line)
    if (++this.#rubbish >= RUBBISH_LINES_MAX)
      this.#giveUpOn(`it printed ${RUBBISH_LINES_MAX} lines on stdout that are no JSON-RPC`)
  }

  #onOversized(start: string, end: string): void {
    this.#hooks.onLog('stdout', 'warning', 'a message over the size that is passed on was dropped')
    const id = ID_AT_START.exec(start)?.[1] ?? ID_AT_END.exec(end)?.[1]
    this.#pending.take(Number(id))?.fail('too-large', 'the answer is over 16 MiB')
    if (++this.#oversized >= OVERSIZED_LINES_MAX)
      this.#giveUpOn(`it printed ${OVERSIZED_LINES_MAX} messages over 16 MiB in a row`)
  }

  #giveUpOn(reason: string): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    void this.#process.end()
  }

  async #watchExit(): Promise<void> {
    const end = await this.#process.exited
    this.#endReason ??= describeEnd(end)
    await this.#drain()
    await this.#process.end()
    this.#pending.failAll(this.#endReason)
    this.transport.onclose?.()
    this.#closed.resolve(this.#endReason)
  }

  /** Reads what the server wrote last. A process that left its group may hold the pipes open for ever. */
  async #drain(): Promise<void> {
    const { stdout, stderr } = this.#process
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(DRAIN_MS, resolve)
    let open = [stdout, stderr].filter((stream) => !stream.closed).length
    if (open === 0) resolve()
    for (const stream of [stdout, stderr]) {
      stream.once('close', () => {
        if (--open === 0) resolve()
      })
    }
    await promise
    timer.cancel()
    stdout.destroy()
    stderr.destroy()
  }
}

function requestLine(id: number, method: string, paramsText: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${paramsText}}`
}
