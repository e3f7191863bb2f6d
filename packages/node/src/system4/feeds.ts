import {
  BusyError,
  type Clock,
  InvalidArgumentError,
  isoTime,
  type KeyValueStore,
  type Logger,
  messageOf,
  type Startable,
  type Timer,
} from '@vsmcp/kernel'
import { z } from 'zod'
import { FeedUnknownError, FeedUnreadableError } from '../errors.ts'
import type { Router } from '../route/router.ts'
import { FEED_BYTES_MAX, FEED_DEADLINE_MS, FEED_PERIOD_MS, FEEDS_MAX } from './constants.ts'
import type { FeedRequest, FeedView } from './contract.ts'
import { readNumber } from './feed-reading.ts'
import type { Scanner } from './scanner.ts'

const storedSchema = z.object({
  name: z.string(),
  source: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('url'), url: z.string() }),
    z.object({ kind: z.literal('resource'), uri: z.string() }),
  ]),
  pointer: z.string().exactOptional(),
})

const contentsSchema = z.object({ contents: z.array(z.looseObject({ text: z.string().optional() })).min(1) })

export interface FeedsComponents {
  scanner: Scanner
  router: () => Pick<Router, 'request'>
  isPaused: () => boolean
  kv: KeyValueStore
  clock: Clock
  logger: Logger
}

interface Feed {
  readonly request: FeedRequest
  last: number | null
  atMs: number | null
  problem: string | null
  isReading: boolean
}

/** Numbers from outside that System 4 watches like its own: of an HTTP address, or of an MCP resource that can be read here. */
export class Feeds implements Startable {
  readonly #c: FeedsComponents
  readonly #feeds = new Map<string, Feed>()
  #ending = new AbortController()
  #timer: Timer | undefined

  constructor(components: FeedsComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { kv, clock, logger } = this.#c
    this.#ending = new AbortController()
    const onDamaged = (feed: string, error: unknown): void =>
      logger.error({ feed, error: messageOf(error) }, 'a feed cannot be read back')
    for await (const [key, value] of kv.entries({ gte: '', lt: '\u{10FFFF}', onDamaged })) {
      try {
        const request = storedSchema.parse(JSON.parse(Buffer.from(value).toString('utf8')))
        this.#feeds.set(request.name, feedOf(request))
      } catch (error) {
        onDamaged(key, error)
      }
    }
    this.#timer = clock.every(FEED_PERIOD_MS, () => this.#readAll())
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#ending.abort()
    this.#feeds.clear()
  }

  list(): FeedView[] {
    return [...this.#feeds.values()].map((feed) => viewOf(feed))
  }

  /** Read once before it is taken. Throws `FeedUnreadableError`, `BusyError`, `InvalidArgumentError` when another feed has the name. */
  async add(request: FeedRequest): Promise<FeedView> {
    const { kv } = this.#c
    const known = this.#feeds.get(request.name)
    if (known !== undefined) {
      if (JSON.stringify(known.request) === JSON.stringify(request)) return viewOf(known)
      throw new InvalidArgumentError(`there is a feed ${request.name} already, of another source`, {
        hint: `Remove it first: vsmcp feed rm ${request.name}`,
      })
    }
    if (this.#feeds.size >= FEEDS_MAX) {
      throw new BusyError(`this node has ${FEEDS_MAX} feeds already`, { hint: 'Remove one, or add it at another node.' })
    }
    const feed = feedOf(request)
    const value = await this.#value(request)
    await kv.write([{ type: 'put', key: request.name, value: Buffer.from(JSON.stringify(request)) }], { sync: true })
    this.#feeds.set(request.name, feed)
    this.#take(feed, value)
    return viewOf(feed)
  }

  async remove(name: string): Promise<void> {
    if (!this.#feeds.has(name)) {
      throw new FeedUnknownError(`this node has no feed ${name}`, { hint: 'List what there is with `vsmcp feed`.' })
    }
    await this.#c.kv.write([{ type: 'del', key: name }], { sync: true })
    this.#feeds.delete(name)
    this.#c.scanner.forget(subjectOf(name))
  }

  /** While the node has better to do they are not read: ticks without a value. */
  #readAll(): void {
    if (this.#c.isPaused()) {
      for (const { request } of this.#feeds.values()) this.#c.scanner.feed(subjectOf(request.name), null)
      return
    }
    for (const feed of this.#feeds.values()) void this.#read(feed)
  }

  /** A reading that fails is a tick without a value. */
  async #read(feed: Feed): Promise<void> {
    if (feed.isReading) return
    feed.isReading = true
    try {
      const value = await this.#value(feed.request)
      if (this.#feeds.get(feed.request.name) === feed) this.#take(feed, value)
    } catch (error) {
      feed.problem = messageOf(error)
      if (this.#feeds.get(feed.request.name) === feed) this.#c.scanner.feed(subjectOf(feed.request.name), null)
      this.#c.logger.debug({ feed: feed.request.name, error: feed.problem }, 'a feed could not be read')
    } finally {
      feed.isReading = false
    }
  }

  #take(feed: Feed, value: number): void {
    feed.last = value
    feed.atMs = Math.round(this.#c.clock.wallMs())
    feed.problem = null
    this.#c.scanner.feed(subjectOf(feed.request.name), value)
  }

  async #value({ source, pointer }: FeedRequest): Promise<number> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(FEED_DEADLINE_MS)])
    const text = source.kind === 'url' ? await fetched(source.url, signal) : await this.#resource(source.uri, signal)
    return readNumber(text, pointer)
  }

  async #resource(uri: string, signal: AbortSignal): Promise<string> {
    const reply = await this.#c.router().request({
      method: 'resources/read',
      target: uri,
      paramsJson: JSON.stringify({ uri }),
      deadlineMs: FEED_DEADLINE_MS,
      signal,
      onNotification: () => {},
    })
    if ('error' in reply) throw new FeedUnreadableError(`the resource ${uri} was refused: ${reply.error.message}`)
    const { contents } = contentsSchema.parse(JSON.parse(reply.resultJson))
    return contents[0]?.text ?? ''
  }
}

/** Throws `FeedUnreadableError` for whatever is not a short text of the address itself. */
async function fetched(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json, text/plain' } })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.length > FEED_BYTES_MAX) throw new Error(`it gives more than ${FEED_BYTES_MAX} bytes`)
    }
    return text
  } catch (cause) {
    throw new FeedUnreadableError(`${url} cannot be read: ${messageOf(cause)}`, {
      hint: 'See that this machine reaches the address, and that it gives a short text or JSON without sending elsewhere.',
      cause,
    })
  }
}

function feedOf(request: FeedRequest): Feed {
  return { request, last: null, atMs: null, problem: null, isReading: false }
}

function viewOf({ request, last, atMs, problem }: Feed): FeedView {
  return { ...request, last, at: atMs === null ? null : isoTime(atMs), problem }
}

/** No unit can be called so. */
function subjectOf(name: string): string {
  return `feed:${name}`
}
