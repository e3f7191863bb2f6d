import { createServer, type Server } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createApiClient, NodeError } from '../src/index.ts'
import { FakeError, untilAborted } from './fake-control.ts'
import { collect, serve, tempDir } from './helpers.ts'

/** Something that listens where a node should. */
async function impostor(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const dataDir = await tempDir()
  const server: Server = createServer(handler)
  await new Promise<void>((done) => server.listen(join(dataDir, 'control.sock'), done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return dataDir
}

describe('the client', () => {
  it('is a NodeControl: every operation reaches the node with its input and brings back its answer', async () => {
    const { dataDir, control } = await serve()
    const client = createApiClient({ dataDir })
    const source = { kind: 'stdio' as const, command: 'node', args: ['--x', 'é'], env: { A: 'b' }, cwd: '/' }
    const attach = { name: 'files', source, startTimeoutMs: 5, replace: false }
    const call = { tool: 'read', args: { path: '/x', n: [1, null] }, timeoutMs: 9 }
    await client.members()
    await client.wait({ members: 2, leader: true, timeoutMs: 5 })
    await client.createInvitation({ role: 'edge', ttlMs: 5, uses: 2 })
    await client.invitations()
    await client.revokeInvitation('a b/c')
    const attached = await client.attach(attach)
    await client.apply({ units: [{ name: 'files', source, startTimeoutMs: 5 }], prune: true })
    const units = await client.units()
    const tools = await client.tools()
    const answer = await client.call(call)
    await client.detach('files')
    await client.doctor()
    await client.leave()
    await client.shutdown()
    expect(control.calls).toEqual([
      ['members', {}],
      ['wait', { members: 2, leader: true, timeoutMs: 5 }],
      ['createInvitation', { role: 'edge', ttlMs: 5, uses: 2 }],
      ['invitations', {}],
      ['revokeInvitation', 'a b/c'],
      ['attach', attach],
      ['apply', { units: [{ name: 'files', source, startTimeoutMs: 5 }], prune: true }],
      ['units', {}],
      ['tools', {}],
      ['call', call],
      ['detach', 'files'],
      ['doctor', {}],
      ['leave', {}],
      ['shutdown', {}],
    ])
    expect(attached.outcome).toBe('attached')
    expect(units).toEqual([attached.unit])
    expect(tools.map((tool) => tool.qualifiedName)).toEqual(['files__read', 'files__write'])
    expect(answer.result).toEqual({ content: [{ type: 'text', text: '{"path":"/x","n":[1,null]}' }] })
  })

  it('gives progress before the answer, and the error of a call that made progress', async () => {
    const { dataDir, control } = await serve()
    control.onCall = async ({ onProgress, args }) => {
      onProgress?.({ progress: 1, total: 2, message: 'half' })
      onProgress?.({ progress: 2 })
      if (args['fail'] === true) throw new FakeError('VSMCP_OUTCOME_UNKNOWN', 'lost', { hint: 'look' })
      return { content: [] }
    }
    const client = createApiClient({ dataDir })
    const seen: unknown[] = []
    const onProgress = (progress: object): void => void seen.push(progress)
    await client.call({ tool: 't', args: {}, timeoutMs: 1_000, onProgress })
    expect(seen).toEqual([{ progress: 1, total: 2, message: 'half' }, { progress: 2 }])
    const failed = client.call({ tool: 't', args: { fail: true }, timeoutMs: 1_000, onProgress })
    await expect(failed).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN', message: 'lost', hint: 'look' })
    expect(seen).toHaveLength(4)
  })

  it('reads past log lines, by unit and time, and an answer of many megabytes', async () => {
    const { dataDir, control } = await serve()
    const client = createApiClient({ dataDir })
    const read = async (request: { unit?: string; sinceMs?: number }): Promise<string[]> =>
      (await collect(client.logs({ ...request, follow: false }))).map((line) => line.msg)
    expect(await read({})).toEqual(['node started', 'unit is slow'])
    expect(await read({ unit: 'files' })).toEqual(['unit is slow'])
    expect(await read({ sinceMs: Date.parse('2026-01-02T03:05:00Z') })).toEqual(['unit is slow'])
    control.onCall = () => Promise.resolve({ text: 'é'.repeat(5_000_000) })
    const { result } = await client.call({ tool: 't', args: {}, timeoutMs: 10_000, onProgress() {} })
    expect(result['text']).toHaveLength(5_000_000)
  })

  it('raises what the node raised: code, message, hint and details', async () => {
    const { dataDir, control } = await serve()
    const details = { stderr: ['no such file'] }
    control.failures.set('attach', new FakeError('VSMCP_UNIT_FAILED', 'it exited', { hint: 'look', details }))
    const source = { kind: 'http' as const, url: 'http://x', headers: {} }
    const attaching = createApiClient({ dataDir }).attach({ name: 'a', source, startTimeoutMs: 1, replace: false })
    const error = await attaching.catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(NodeError)
    expect(error).toMatchObject({ code: 'VSMCP_UNIT_FAILED', message: 'it exited', hint: 'look', details })
  })

  it('says that no node is there: no directory, no socket', async () => {
    const dataDir = await tempDir()
    const code = 'VSMCP_API_NO_NODE'
    await expect(createApiClient({ dataDir: join(dataDir, 'none') }).status()).rejects.toMatchObject({ code })
    await expect(createApiClient({ dataDir }).status()).rejects.toMatchObject({ code })
    const logs = createApiClient({ dataDir }).logs({ follow: true })
    await expect(collect(logs)).rejects.toMatchObject({ code })
  })

  it('tells a read that was cut off from a change whose outcome is unknown', async () => {
    const dataDir = await impostor((request) => request.socket.destroy())
    const client = createApiClient({ dataDir })
    await expect(client.units()).rejects.toMatchObject({ code: 'VSMCP_API_NO_NODE' })
    await expect(client.detach('x')).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
    const call = client.call({ tool: 't', args: {}, timeoutMs: 1_000, onProgress() {} })
    await expect(call).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
  })

  it('knows an answer that was cut off in its middle', async () => {
    const dataDir = await impostor((request, response) => {
      response.writeHead(200)
      response.write('{"waitedMs"', () => request.socket.destroy())
    })
    await expect(createApiClient({ dataDir }).detach('x')).rejects.toMatchObject({ code: 'VSMCP_OUTCOME_UNKNOWN' })
  })

  it('gives up on a node that hangs, also one that has begun to answer', async () => {
    const dataDir = await impostor((request, response) => {
      if (request.url === '/v1/units') response.writeHead(200).write('[')
    })
    const client = createApiClient({ dataDir, answerTimeoutMs: 50 })
    await expect(client.status()).rejects.toMatchObject({ code: 'VSMCP_TIMEOUT' })
    await expect(client.units()).rejects.toMatchObject({ code: 'VSMCP_TIMEOUT' })
  })

  it('does not take just anything for an answer', async () => {
    const dataDir = await impostor((request, response) => {
      if (request.url === '/v1/status') response.end('hello')
      else response.writeHead(418).end('{}')
    })
    const client = createApiClient({ dataDir })
    await expect(client.status()).rejects.toMatchObject({ code: 'VSMCP_API_BAD_ANSWER' })
    await expect(client.units()).rejects.toMatchObject({ code: 'VSMCP_API_BAD_ANSWER' })
    const noHttp = await tempDir()
    const server = createNetServer((socket) => socket.end('\0\0\0')).listen(join(noHttp, 'control.sock'))
    onTestFinished(() => void server.close())
    await expect(createApiClient({ dataDir: noHttp }).status()).rejects.toMatchObject({ code: 'VSMCP_API_BAD_ANSWER' })
  })

  it('aborts a call at the node when its caller does', async () => {
    const { dataDir, control } = await serve()
    const { promise: begun, resolve } = Promise.withResolvers<AbortSignal | undefined>()
    control.onCall = ({ signal }) => {
      resolve(signal)
      return untilAborted(signal)
    }
    const caller = new AbortController()
    const request = { tool: 't', args: {}, timeoutMs: 10_000, signal: caller.signal }
    const calling = createApiClient({ dataDir }).call(request)
    const atNode = await begun
    caller.abort()
    await expect(calling).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(() => atNode?.aborted).toBe(true)
  })

  it('does not send what the node would refuse for its size', async () => {
    const { dataDir, control } = await serve()
    const args = { a: 'x'.repeat(17 * 1024 * 1024) }
    const calling = createApiClient({ dataDir }).call({ tool: 't', args, timeoutMs: 1_000 })
    await expect(calling).rejects.toMatchObject({ code: 'VSMCP_API_TOO_LARGE' })
    expect(control.calls).toEqual([])
  })
})
