import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Emitter, type Logger, systemClock } from '@vsmcp/kernel'
import pino from 'pino'
import pinoRoll from 'pino-roll'
import type { LogLine, LogsRequest } from './contract.ts'
import {
  LOG_BUFFER_BYTES_MAX,
  LOG_FILE_BYTES_MAX,
  LOG_FILES_KEPT,
  LOG_FLUSH_DEADLINE_MS,
  LOG_FOLLOW_QUEUE_MAX,
} from '../constants.ts'
import { dataDirectory } from '../enrol/data-directory.ts'

export interface NodeLogInit {
  directory: string
  level: 'debug' | 'info' | 'warn' | 'error'
  /** `json` for machines, `text` for a terminal, `off` when nobody reads it. */
  stderr: 'json' | 'text' | 'off'
  /** @default 8 MiB */
  fileBytesMax?: number
}

interface Events extends Record<string, unknown> {
  'log:line': LogLine
  'log:closed': undefined
}

/**
 * The node's log: one JSON line per event into files bounded in size and number, and to stderr. `read` gives the lines
 * back, from all files that are still kept.
 */
export class NodeLog {
  readonly logger: Logger
  readonly #directory: string
  readonly #events = new Emitter<Events>(() => {})
  readonly #file: Awaited<ReturnType<typeof pinoRoll>>
  #isClosed = false

  static async open(init: NodeLogInit): Promise<NodeLog> {
    await mkdir(init.directory, { recursive: true, mode: 0o700 })
    const file = await pinoRoll({
      file: join(init.directory, 'node'),
      extension: '.log',
      size: `${(init.fileBytesMax ?? LOG_FILE_BYTES_MAX) / 1024}k`,
      limit: { count: LOG_FILES_KEPT - 1, removeOtherLogFiles: true },
      mkdir: true,
      // Still written at once; but only with a least length does `flush` wait for what is being written.
      minLength: 1,
      maxLength: LOG_BUFFER_BYTES_MAX,
    })
    return new NodeLog(init, file)
  }

  private constructor(init: NodeLogInit, file: Awaited<ReturnType<typeof pinoRoll>>) {
    this.#directory = init.directory
    this.#file = file
    // A full disk must not end the node: the log is what we lose first.
    file.on('error', () => {})
    const streams: pino.StreamEntry[] = [
      // What ends later than the log has nobody to tell; it must not fail for that.
      { level: init.level, stream: { write: (text: string) => void (this.#isClosed || file.write(text)) } },
      { level: init.level, stream: { write: (text: string) => this.#publish(text) } },
    ]
    if (init.stderr === 'json')
      streams.push({ level: init.level, stream: { write: (text: string) => void process.stderr.write(text) } })
    if (init.stderr === 'text')
      streams.push({ level: init.level, stream: { write: (text: string) => void process.stderr.write(asText(parseLine(text))) } })
    this.logger = pino({ level: init.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.multistream(streams))
  }

  /** Past lines in order, then with `follow` new ones until the signal aborts or the log is closed. */
  async *read(request: LogsRequest): AsyncGenerator<LogLine> {
    const queue: LogLine[] = []
    let missed = 0
    let wake = (): void => {}
    const offs = [
      this.#events.on('log:line', (line) => {
        if (!request.follow) return
        if (queue.length < LOG_FOLLOW_QUEUE_MAX) queue.push(line)
        else missed++
        wake()
      }),
      this.#events.on('log:closed', () => wake()),
    ]
    const onAbort = (): void => wake()
    request.signal?.addEventListener('abort', onAbort)
    try {
      await this.#flush()
      const seen = new Set<string>()
      for await (const line of pastLines(this.#directory)) {
        if (request.signal?.aborted === true) return
        if (!matches(line, request)) continue
        if (queue.length > 0) seen.add(identityOf(line))
        yield line
      }
      while (request.follow && request.signal?.aborted !== true) {
        const line = queue.shift()
        if (line !== undefined) {
          if (matches(line, request) && !seen.delete(identityOf(line))) yield line
        } else if (missed > 0) {
          yield { time: new Date().toISOString(), level: 'warn', msg: `${missed} lines were missed: they came faster than read` }
          missed = 0
        } else if (this.#isClosed) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      for (const off of offs) off()
      request.signal?.removeEventListener('abort', onAbort)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await within(LOG_FLUSH_DEADLINE_MS, (done) => {
      this.#file.once('close', done)
      this.#file.end()
    })
    this.#events.emit('log:closed', undefined)
  }

  /** What was logged so far is in the file then; a disk that takes nothing does not hold the reader up. */
  async #flush(): Promise<void> {
    if (!this.#isClosed) await within(LOG_FLUSH_DEADLINE_MS, (done) => this.#file.flush(() => done()))
  }

  #publish(text: string): void {
    const line = parseLine(text)
    if (line !== undefined) this.#events.emit('log:line', line)
  }
}

/**
 * What the log files of a data directory hold, for when no node runs on it to be asked. `follow` is not looked at: what is
 * not running says nothing new.
 */
export async function* readLogFiles(dataDir: string, request: LogsRequest): AsyncGenerator<LogLine> {
  for await (const line of pastLines(dataDirectory(dataDir).logs)) {
    if (request.signal?.aborted === true) return
    if (matches(line, request)) yield line
  }
}

async function* pastLines(directory: string): AsyncGenerator<LogLine> {
  const files = (await namesIn(directory))
    .map((name) => ({ name, number: Number(/^node\.(\d+)\.log$/.exec(name)?.[1] ?? NaN) }))
    .filter((file) => Number.isInteger(file.number))
    .sort((a, b) => a.number - b.number)
  for (const { name } of files) {
    // The oldest may be gone by now: another took its place.
    const file = await open(join(directory, name)).catch(() => undefined)
    if (file === undefined) continue
    try {
      for await (const text of file.readLines({ autoClose: false })) {
        const line = parseLine(text)
        if (line !== undefined) yield line
      }
    } finally {
      await file.close()
    }
  }
}

/** None where there is no such directory: nothing was logged there yet. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function within(deadlineMs: number, begin: (done: () => void) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = systemClock.after(deadlineMs, resolve)
  try {
    begin(resolve)
  } catch {
    // The stream is destroyed: there is nothing to wait for.
    resolve()
  }
  await promise
  timer.cancel()
}

function matches(line: LogLine, request: LogsRequest): boolean {
  if (request.unit !== undefined && line.unit !== request.unit) return false
  return request.sinceMs === undefined || Date.parse(line.time) >= request.sinceMs
}

function identityOf(line: LogLine): string {
  return `${line.time} ${line.msg} ${JSON.stringify(line.fields ?? {})}`
}

const LEVELS: Readonly<Record<number, LogLine['level']>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' }

/** A line cut short by a crash is left out. */
function parseLine(text: string): LogLine | undefined {
  try {
    const { time, level, msg, unit, ...fields } = JSON.parse(text) as Record<string, unknown>
    return {
      time: String(time),
      level: LEVELS[Number(level)] ?? 'info',
      msg: String(msg),
      ...(typeof unit === 'string' ? { unit } : {}),
      ...(Object.keys(fields).length > 0 ? { fields } : {}),
    }
  } catch {
    return undefined
  }
}

function asText(line: LogLine | undefined): string {
  if (line === undefined) return ''
  const fields = { ...(line.unit === undefined ? {} : { unit: line.unit }), ...line.fields }
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${printable(value)}`)
  return `${line.time.slice(11, 19)} ${line.level.padEnd(5)} ${line.msg}${tail.join('')}\n`
}

/** What servers and peers wrote must not move the cursor of the terminal it is shown on. */
function printable(value: unknown): string {
  return typeof value === 'string' && !/[\p{Cc}\u2028\u2029]/u.test(value) ? value : JSON.stringify(value)
}
