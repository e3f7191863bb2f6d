import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request, type RequestOptions } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Startable } from '@vsmcp/kernel'
import { onTestFinished } from 'vitest'
import { type ApiServerInit, controlSocketPath, createApiServer } from '../src/index.ts'
import { FakeControl } from './fake-control.ts'

export async function tempDir(prefix = 'api-'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), prefix))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface Served {
  server: Startable
  control: FakeControl
  dataDir: string
  socketPath: string
}

export async function serve(init: Partial<ApiServerInit> = {}): Promise<Served> {
  const dataDir = init.dataDir ?? (await tempDir())
  const socketPath = init.socketPath ?? controlSocketPath(dataDir)
  const control = new FakeControl()
  const server = createApiServer({
    control,
    mcpHandler: (incoming, response) => response.end(`mcp ${incoming.url}`),
    ...init,
    dataDir,
    socketPath,
  })
  await server.start()
  onTestFinished(() => server.stop())
  return { server, control, dataDir, socketPath }
}

/** A bare HTTP request, as another language's client would make it. */
export async function raw(
  socketPath: string,
  options: RequestOptions,
  body?: string | Buffer,
): Promise<{ status: number | undefined; type: string | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const outgoing = request({ socketPath, agent: false, ...options }, resolve)
  outgoing.on('error', reject)
  outgoing.end(body)
  const response = await promise
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: Buffer.concat(chunks).toString(),
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
