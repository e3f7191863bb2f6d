import { once } from 'node:events'
import { request } from 'node:http'
import { BusyError, OutcomeUnknownError, RemoteError } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { createApiClient } from '../src/index.ts'
import { httpStatusOf } from '../src/http-status.ts'
import { COMMON_ERRORS } from '../src/route.ts'
import { ROUTES } from '../src/routes.ts'
import { errorBody } from '../src/schemas.ts'
import { FakeError } from './fake-control.ts'
import { raw, serve } from './helpers.ts'

const json = { 'content-type': 'application/json' }

describe('/v1', () => {
  it('answers with JSON', async () => {
    const { socketPath } = await serve()
    const answer = await raw(socketPath, { path: '/v1/status' })
    expect(answer.status).toBe(200)
    expect(answer.type).toMatch('application/json')
    expect(JSON.parse(answer.body)).toMatchObject({ node: { name: 'alpha' } })
  })

  it('gives only documented fields, and calls an answer outside its schema a fault', async () => {
    const { socketPath, control } = await serve()
    const members = await control.members()
    control.members = () => Promise.resolve(members.map((member) => ({ ...member, secret: 'x' })))
    expect((await raw(socketPath, { path: '/v1/members' })).body).not.toContain('secret')
    control.members = () => Promise.resolve([{ ...members[0], voter: 'perhaps' } as never])
    const answer = await raw(socketPath, { path: '/v1/members' })
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.body).error.code).toBe('VSMCP_API_BAD_ANSWER')
  })

  it.each([
    ['a route that is not there', { path: '/v1/nothing' }, undefined, 404, 'VSMCP_API_NOT_FOUND'],
    ['a method that is not there', { path: '/v1/status', method: 'POST' }, undefined, 404, 'VSMCP_API_NOT_FOUND'],
    ['half a JSON body', { path: '/v1/wait', method: 'POST', headers: json }, '{"members":', 400, 'VSMCP_API_BAD_REQUEST'],
    ['an empty body', { path: '/v1/wait', method: 'POST', headers: json }, '', 400, 'VSMCP_API_BAD_REQUEST'],
    ['a body that is no object', { path: '/v1/wait', method: 'POST', headers: json }, '[1]', 400, 'VSMCP_API_BAD_REQUEST'],
    ['a form', { path: '/v1/wait', method: 'POST', headers: { 'content-type': 'x/y' } }, 'a=b', 400, 'VSMCP_API_BAD_REQUEST'],
    ['a missing field', { path: '/v1/wait', method: 'POST', headers: json }, '{}', 400, 'VSMCP_API_BAD_REQUEST'],
    ['a wrong query', { path: '/v1/logs?sinceMs=soon' }, undefined, 400, 'VSMCP_API_BAD_REQUEST'],
  ])('refuses %s', async (_, options, body, status, code) => {
    const { socketPath, control } = await serve()
    const answer = await raw(socketPath, options, body)
    expect({ status: answer.status, code: JSON.parse(answer.body).error.code }).toEqual({ status, code })
    expect(control.calls).toEqual([])
  })

  it('refuses a body over 16 MiB, and takes one just below', async () => {
    const { socketPath, control } = await serve()
    const body = (bytes: number): string => JSON.stringify({ tool: 't', timeoutMs: 1, args: { a: 'x'.repeat(bytes) } })
    const options = { path: '/v1/call', method: 'POST', headers: json }
    expect((await raw(socketPath, options, body(16 * 1024 * 1024 - 100))).status).toBe(200)
    const length = { ...json, 'content-length': 17 * 1024 * 1024 }
    const answer = await raw(socketPath, { ...options, headers: length }, 'x')
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body).error.code).toBe('VSMCP_API_TOO_LARGE')
    expect(control.calls).toHaveLength(1)
  })

  it.each([
    [new BusyError('full'), 503],
    [new OutcomeUnknownError('who knows'), 502],
    [new RemoteError('X', 'there'), 502],
    [new FakeError('VSMCP_SECURITY_TOKEN_REVOKED', 'revoked'), 403],
    [new FakeError('VSMCP_UNIT_NOT_FOUND', 'no such unit'), 404],
    [new FakeError('VSMCP_UNIT_EXISTS', 'there is one'), 409],
    [new FakeError('VSMCP_ODD', 'odd'), 422],
    [new TypeError('bug'), 500],
  ])('gives %s its status', async (error, status) => {
    const { socketPath, control } = await serve()
    control.failures.set('members', error)
    const answer = await raw(socketPath, { path: '/v1/members' })
    expect(answer.status).toBe(status)
    expect(errorBody.parse(JSON.parse(answer.body)).error.message).toBe(error.message)
  })

  it('has a status of its own for every error that a route names', () => {
    const named = Object.values(ROUTES).flatMap((route) => route.errors)
    for (const code of [...COMMON_ERRORS, ...named]) expect([code, httpStatusOf(code)]).not.toEqual([code, 422])
  })

  it('passes code, hint and details of an error on', async () => {
    const { socketPath, control } = await serve()
    const error = new FakeError('VSMCP_UNIT_FAILED', 'it exited', { hint: 'read it', details: { stderr: ['a', 'b'] } })
    control.failures.set('units', error)
    const { body } = await raw(socketPath, { path: '/v1/units' })
    expect(JSON.parse(body)).toEqual({
      error: { code: 'VSMCP_UNIT_FAILED', message: 'it exited', hint: 'read it', details: { stderr: ['a', 'b'] } },
    })
  })

  it('takes names in the path as they are', async () => {
    const { socketPath, control } = await serve()
    await raw(socketPath, { path: '/v1/units/a%2Fb%20c', method: 'DELETE' })
    expect(control.calls).toEqual([['detach', 'a/b c']])
  })

  it('aborts what a client no longer waits for', async () => {
    const { socketPath, control } = await serve()
    const outgoing = request({ socketPath, path: '/v1/wait', method: 'POST', headers: json, agent: false })
    outgoing.on('error', () => {})
    outgoing.end('{"members":100,"timeoutMs":60000}')
    await expect.poll(() => control.waiting).toBeDefined()
    const aborted = once(control.waiting as AbortSignal, 'abort')
    outgoing.destroy()
    await aborted
  })

  it('has one route per operation of a node, all paths apart', () => {
    const places = Object.values(ROUTES).map((route) => `${route.method} ${route.path}`)
    expect(new Set(places).size).toBe(places.length)
  })
})

describe('/mcp', () => {
  it('goes to the MCP handler, its body unread and unbounded here', async () => {
    const { socketPath } = await serve({
      mcpHandler: (incoming, response) => {
        let bytes = 0
        incoming.on('data', (chunk: Buffer) => (bytes += chunk.length))
        incoming.on('end', () => response.end(`${incoming.method} ${bytes}`))
      },
    })
    expect((await raw(socketPath, { path: '/mcp?x', method: 'POST' }, Buffer.alloc(100))).body).toBe('POST 100')
    expect((await raw(socketPath, { path: '/mcpx' })).status).toBe(404)
  })
})

describe('streams', () => {
  it('send lines as they come and hold the source back while nobody reads', async () => {
    const { dataDir, control } = await serve()
    let made = 0
    const line = { time: '', level: 'info' as const, msg: 'x'.repeat(100_000) }
    control.nextLogLine = () => {
      made++
      return Promise.resolve(line)
    }
    const lines = createApiClient({ dataDir }).logs({ follow: true })[Symbol.asyncIterator]()
    await lines.next()
    // Socket buffers fill, then the source must stand still: two looks in a row see the same count.
    let before = -1
    await expect.poll(() => [before === made, (before = made)][0], { interval: 100 }).toBe(true)
    expect(made).toBeLessThan(1_000)
    for (let i = 0; i < 500; i++) await lines.next()
    expect(made).toBeGreaterThan(400)
    await lines.return?.()
  })

  it('end at their source when the reader goes away', async () => {
    const { dataDir, control } = await serve()
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    control.nextLogLine = (signal) => {
      signal?.addEventListener('abort', () => resolve(), { once: true })
      return new Promise(() => {})
    }
    const lines = createApiClient({ dataDir }).logs({ follow: true })[Symbol.asyncIterator]()
    for (let i = 0; i < control.log.length; i++) await lines.next()
    await Promise.all([ended, lines.return?.()])
  })

  it('end when the server stops', async () => {
    const { dataDir, control, server } = await serve()
    const seen: string[] = []
    const reading = (async () => {
      for await (const line of createApiClient({ dataDir }).logs({ follow: true })) seen.push(line.msg)
    })()
    await expect.poll(() => seen.length).toBe(control.log.length)
    await server.stop()
    await reading
  })
})
