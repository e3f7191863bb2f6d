import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { startMesh, stopMesh } from '../../../scripts/lib/local-mesh.ts'
import { freePort } from '../lib/free-port.ts'
import { productionEnv, startUntilAnswers, startUntilLine, stop } from '../lib/processes.ts'
import type { Era } from './load.ts'

const stdioServer = fileURLToPath(new URL('./stdio-server.ts', import.meta.url))
const httpServer = fileURLToPath(new URL('./http-server.ts', import.meta.url))
const bin = fileURLToPath(new URL('../../../node_modules/', import.meta.url))

/** A way to reach the tool, running. */
export interface Running {
  url: string
  tool: string
  stop(): Promise<void>
}

export interface CallSubject {
  name: string
  eras: readonly Era[]
  /** @param counts folder in which the tool's server keeps its number of calls */
  start(folder: string, counts: string): Promise<Running>
}

const countsEnv = (counts: string): Record<string, string> => ({ LOOKUP_COUNTS_FOLDER: counts })

/** Ours: in at node a, over the mesh, the tool's server attached at node b. */
const mesh: CallSubject = {
  name: 'vsmcp, two nodes',
  eras: ['modern', 'legacy'],
  async start(folder, counts) {
    mkdirSync(folder, { recursive: true })
    const nodes = await startMesh(folder, ['a', 'b'])
    const [a, b] = nodes
    if (a === undefined || b === undefined) throw new Error('the mesh has not two nodes')
    const tool = 'lookup__lookup'
    const env = ['--env', `LOOKUP_COUNTS_FOLDER=${counts}`, '--env', 'NODE_ENV=production']
    await b.vsmcp('attach', 'lookup', ...env, '--', process.execPath, stdioServer)
    await a.vsmcp('wait', '--tool', tool, '--timeout', '30s')
    return { url: a.ready.mcp, tool, stop: () => stopMesh(nodes) }
  },
}

/** The reference: the same tool behind the SDK's own HTTP server, nothing in between. */
const direct: CallSubject = {
  name: 'SDK server, direct',
  eras: ['modern'],
  async start(_folder, counts) {
    const started = await startUntilLine([httpServer], productionEnv(countsEnv(counts)))
    return { url: started.line, tool: 'lookup', stop: () => stop(started) }
  },
}

/** A bridge in front of the same stdio server. */
const bridge = (name: string, args: (port: number) => string[], eras: readonly Era[] = ['modern', 'legacy']): CallSubject => ({
  name,
  eras,
  async start(_folder, counts) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/mcp`
    const started = await startUntilAnswers(args(port), url, productionEnv(countsEnv(counts)))
    return { url, tool: 'lookup', stop: () => stop(started) }
  },
})

const mcpProxy = bridge('mcp-proxy', (port) => [
  `${bin}mcp-proxy/dist/bin/mcp-proxy.mjs`,
  '--host',
  '127.0.0.1',
  '--port',
  String(port),
  '--server',
  'stream',
  '--',
  process.execPath,
  stdioServer,
])

const supergateway = bridge(
  'supergateway',
  (port) => [
    `${bin}supergateway/dist/index.js`,
    '--outputTransport',
    'streamableHttp',
    '--stateful',
    '--port',
    String(port),
    '--logLevel',
    'none',
    '--stdio',
    `"${process.execPath}" "${stdioServer}"`,
    // In the modern era it starts a process for every request, some eight a second, and ends each before its count is written.
  ],
  ['legacy'],
)

export const callSubjects = { mesh, direct, mcpProxy, supergateway }
