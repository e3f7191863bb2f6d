import { controlSocketPath, createApiServer } from '@vsmcp/api'
import type { Startable } from '@vsmcp/kernel'
import type { DirectoryState, VsmcpNode } from '@vsmcp/node'
import type { UpOptions } from '../commands/up.ts'
import { resolveConfig } from '../config/config.ts'
import { VERSION } from '../constants.ts'
import { EvictedError, NodeFailedError, NoMeshError } from '../errors.ts'
import type { Session } from '../session.ts'
import { printableLine } from '../terminal/printable.ts'
import { renderPairs } from '../terminal/table.ts'
import { readHttpToken } from './http-token.ts'
import { readPnetKey } from './pnet-key.ts'
import { detachedChild } from './parent.ts'
import { explainPort } from './port-taken.ts'
import { type Ending, runNode } from './run-node.ts'

/** `vsmcp up` in the foreground, which is also what `up --detach` starts. */
export async function upHere(session: Session, options: UpOptions): Promise<void> {
  const parent = detachedChild(session.env)
  try {
    finish(await start(session, options, parent), session)
  } catch (error) {
    await parent?.failed(error)
    throw error
  }
}

async function start(session: Session, options: UpOptions, parent: ReturnType<typeof detachedChild>): Promise<Ending> {
  const { dataDir, env, cwd, terminal } = session
  const { createNode, readDirectoryState, DEFAULT_HTTP, DEFAULT_LISTEN } = await import('@vsmcp/node')
  const { config: configFile, detach: _, ...flags } = options
  const defaults = { listen: DEFAULT_LISTEN, http: DEFAULT_HTTP }
  const config = await resolveConfig({ flags, env, cwd, dataDir, configFile, defaults })
  refuseWithoutMesh(await readDirectoryState(dataDir), dataDir)
  const { httpTokenFile, pnetKey: pnetKeyFile } = config
  const warnings: string[] = []
  const token = httpTokenFile === undefined ? undefined : await readHttpToken(httpTokenFile, (text) => void warnings.push(text))
  const pnetKey = pnetKeyFile === undefined ? undefined : await readPnetKey(pnetKeyFile, (text) => void warnings.push(text))
  for (const text of warnings) terminal.warn(text)
  const socketPath = controlSocketPath(dataDir, env)
  const node = createNode({
    dataDir,
    profile: config.profile,
    listen: [...config.listen],
    advertise: [...config.advertise],
    bootstrap: [...config.bootstrap],
    mdns: config.mdns === 'on',
    ...(pnetKey === undefined ? {} : { pnetKey }),
    http: { ...config.http, ...(token === undefined ? {} : { token }) },
    capacity: {
      ...(config.concurrency === undefined ? {} : { concurrency: config.concurrency }),
      ...(config.rate === undefined ? {} : { ratePerS: config.rate }),
    },
    logLevel: config.logLevel,
    // A program that reads JSON wants no log beside it; a detached node has nobody to read it. Both have the log file.
    logToStderr: terminal.json || parent !== undefined ? 'off' : 'text',
    version: VERSION,
    socketPath,
    ...(config.name === undefined ? {} : { name: config.name }),
  })
  // Made once the node is started: before, it has no control face.
  const server = (): Startable => createApiServer({ control: node.control, mcpHandler: node.mcpHandler, dataDir, socketPath })
  const onReady = (): void => {
    // On the terminal of a detached node nobody sees them.
    for (const text of warnings) node.log('warn', text)
    announce(node.ready, session)
    parent?.ready(node.ready)
  }
  const onEvent = (text: string): void => terminal.error(text)
  try {
    return await runNode({ node, server, onReady, onEvent, process })
  } catch (error) {
    throw explainPort(error, { http: config.http.port })
  }
}

function refuseWithoutMesh({ kind, meshName, how = 'has left' }: DirectoryState, dataDir: string): void {
  if (kind === 'enrolled') return
  if (kind === 'left') {
    throw new NoMeshError(`the node in ${dataDir} ${how} the mesh ${meshName ?? ''}`.trim(), {
      hint: 'To come back, join with a new invitation in an empty data directory (--data-dir).',
    })
  }
  throw new NoMeshError(`${dataDir} belongs to no mesh yet`, {
    hint: 'Make a mesh with "vsmcp init", or join one with "vsmcp join TOKEN"; or name another --data-dir.',
  })
}

function announce(ready: VsmcpNode['ready'], { terminal }: Session): void {
  terminal.answer({ ready: true, ...ready }, ({ name, peerId, mcp, listen }) =>
    [
      `${printableLine(name)} is up`,
      renderPairs(
        [['node', peerId], ['mcp', mcp], ...listen.map((address, index) => [index === 0 ? 'listen' : '', address] as const)],
        '  ',
      ),
    ].join('\n'),
  )
}

function finish({ reason, error }: Ending, { terminal }: Session): void {
  if (reason === 'failed') {
    throw new NodeFailedError(`the node failed: ${error instanceof Error ? error.message : String(error)}`, {
      hint: 'Its log says more: logs/ in the data directory.',
      cause: error,
    })
  }
  if (reason === 'forgotten') {
    throw new EvictedError('the group has taken this node off its list of members; it has stopped', {
      hint: 'An ephemeral member that was away for too long is forgotten. To come back it needs a new invitation.',
    })
  }
  if (reason === 'evicted') {
    throw new EvictedError('the group has thrown this node out; it has stopped', {
      hint: 'To come back it needs a new invitation, in an empty data directory.',
    })
  }
  terminal.remark(reason === 'left' ? 'left the mesh' : 'stopped')
}
