import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type KeyValueStore, silentLogger, systemClock } from '@vsmcp/kernel'
import type { McpReply, RoutedRequest } from '@vsmcp/mcp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FEED_BYTES_MAX, FEEDS_MAX } from '../src/system4/constants.ts'
import { readNumber } from '../src/system4/feed-reading.ts'
import { Feeds } from '../src/system4/feeds.ts'
import type { Scanner } from '../src/system4/scanner.ts'
import { MemoryStore } from './support/memory-store.ts'

/** A number from outside, and what becomes of it. */
class Bench {
  readonly seen: [subject: string, value: number | null][] = []
  readonly forgotten: string[] = []
  isPaused = false
  answer: (path: string) => { status?: number; headers?: Record<string, string>; body: string } = () => ({ body: '1' })
  reply: (request: RoutedRequest) => McpReply = () => ({ era: 'legacy', resultJson: '{}' })
  tick: () => void = () => {}
  url = ''
  feeds: Feeds

  constructor(kv: KeyValueStore) {
    const scanner = {
      feed: (subject: string, value: number | null) => this.seen.push([subject, value]),
      forget: (subject: string) => this.forgotten.push(subject),
    } as unknown as Scanner
    this.feeds = new Feeds({
      scanner,
      router: () => ({ request: async (request) => this.reply(request) }),
      isPaused: () => this.isPaused,
      kv: kv,
      clock: {
        ...systemClock,
        every: (_, fn) => {
          this.tick = fn
          return { cancel: () => {} }
        },
      },
      logger: silentLogger,
    })
  }

  async start(): Promise<void> {
    const server: Server = createServer((request, response) => {
      const { status = 200, headers = {}, body } = this.answer(request.url ?? '')
      response.writeHead(status, headers).end(body)
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    onTestFinished(() => void server.close())
    await this.feeds.start()
    onTestFinished(() => this.feeds.stop())
  }

  from(path: string, pointer?: string) {
    return {
      name: 'price',
      source: { kind: 'url', url: `${this.url}${path}` },
      ...(pointer === undefined ? {} : { pointer }),
    } as const
  }
}

async function bench(kv: KeyValueStore = new MemoryStore()): Promise<Bench> {
  const made = new Bench(kv)
  await made.start()
  return made
}

describe('a feed', () => {
  it('is read when it is added, and again and again; negative is a number, too', async () => {
    const outside = await bench()
    outside.answer = () => ({ body: '{"eur":{"mwh":[7,-3.25]}}' })
    expect(await outside.feeds.add(outside.from('/now', '/eur/mwh/1'))).toMatchObject({
      name: 'price',
      last: -3.25,
      problem: null,
    })
    outside.answer = () => ({ body: '{"eur":{"mwh":[7,"12.5"]}}' })
    outside.tick()
    await expect
      .poll(() => outside.seen)
      .toEqual([
        ['feed:price', -3.25],
        ['feed:price', 12.5],
      ])
  })

  it('of an MCP resource is read as any client would read it', async () => {
    const outside = await bench()
    outside.reply = ({ method, target }) => {
      const text = method === 'resources/read' && target === 'jobs://waiting' ? ' 42\n' : 'no'
      return { era: 'legacy', resultJson: JSON.stringify({ contents: [{ uri: target, text }] }) }
    }
    const source = { kind: 'resource', uri: 'jobs://waiting' } as const
    expect(await outside.feeds.add({ name: 'queue', source })).toMatchObject({ last: 42 })
    outside.reply = () => ({ era: 'legacy', error: { code: -32_000, message: 'not now' } })
    await expect(outside.feeds.add({ name: 'other', source })).rejects.toThrow(/refused: not now/)
  })

  it('is not read while the node has better to do: a gap', async () => {
    const outside = await bench()
    await outside.feeds.add(outside.from('/'))
    outside.isPaused = true
    let asked = 0
    outside.answer = () => ({ body: String(++asked) })
    outside.tick()
    expect(outside.seen.at(-1)).toEqual(['feed:price', null])
    outside.isPaused = false
    outside.tick()
    await expect.poll(() => outside.seen.at(-1)).toEqual(['feed:price', 1])
  })

  it('that fails later is a gap, and says why', async () => {
    const outside = await bench()
    await outside.feeds.add(outside.from('/'))
    outside.answer = () => ({ status: 503, body: 'later' })
    outside.tick()
    await expect.poll(() => outside.feeds.list()[0]?.problem).toMatch(/answered 503/)
    expect(outside.seen.at(-1)).toEqual(['feed:price', null])
    expect(outside.feeds.list()[0]).toMatchObject({ last: 1 })
  })

  it.each<[string, ReturnType<Bench['answer']>, RegExp]>([
    ['that is no number', { body: 'soon' }, /no number: soon/],
    ['that is not there', { status: 404, body: '1' }, /answered 404/],
    ['that sends elsewhere', { status: 302, headers: { location: 'http://169.254.169.254/' }, body: '' }, /cannot be read/],
    ['that never ends', { body: '1'.repeat(2 * FEED_BYTES_MAX) }, /more than 65536 bytes/],
  ])('%s is not added', async (_title, answer, why) => {
    const outside = await bench()
    outside.answer = () => answer
    await expect(outside.feeds.add(outside.from('/'))).rejects.toMatchObject({
      code: 'VSMCP_NODE_FEED_UNREADABLE',
      message: expect.stringMatching(why) as string,
    })
    expect(outside.feeds.list()).toEqual([])
    expect(outside.seen).toEqual([])
  })

  it('survives a restart; what is damaged on disk is left out', async () => {
    const kv = new MemoryStore()
    const first = await bench(kv)
    await first.feeds.add(first.from('/'))
    kv.values.set('damaged', Buffer.from('{'))
    await first.feeds.stop()
    const second = await bench(kv)
    expect(second.feeds.list()).toMatchObject([{ name: 'price', last: null, at: null }])
  })

  it('the same again changes nothing, another of its name is refused; removed, it is forgotten', async () => {
    const outside = await bench()
    await outside.feeds.add(outside.from('/'))
    await outside.feeds.add(outside.from('/'))
    await expect(outside.feeds.add(outside.from('/other'))).rejects.toThrow(/already, of another source/)
    await outside.feeds.remove('price')
    expect(outside.forgotten).toEqual(['feed:price'])
    await expect(outside.feeds.remove('price')).rejects.toMatchObject({ code: 'VSMCP_NODE_FEED_UNKNOWN' })
  })

  it(`is one of ${FEEDS_MAX} at the most`, async () => {
    const outside = await bench()
    for (let i = 0; i < FEEDS_MAX; i++) await outside.feeds.add({ ...outside.from('/'), name: `f${i}` })
    await expect(outside.feeds.add({ ...outside.from('/'), name: 'more' })).rejects.toMatchObject({ code: 'VSMCP_BUSY' })
  })
})

describe('the number in what a feed gave', () => {
  it.each([
    ['12.5', undefined, 12.5],
    [' 1e3\n', undefined, 1_000],
    ['7', '', 7],
    ['{"a/b":{"~":3}}', '/a~1b/~0', 3],
    ['[[1,2],[3]]', '/0/1', 2],
  ])('%s at %s is %d', (text, pointer, number) => {
    expect(readNumber(text, pointer)).toBe(number)
  })

  it.each([
    ['', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['{}', '/toString'],
    ['{"a":true}', '/a'],
    ['{"a":null}', '/a/b'],
    ['{', '/a'],
  ])('%s at %s is none', (text, pointer) => {
    expect(() => readNumber(text, pointer)).toThrow(expect.objectContaining({ code: 'VSMCP_NODE_FEED_UNREADABLE' }))
  })
})
