/**
 * The server side of the control API: `/v1` and the MCP endpoint on a Unix socket that only the node's user may open,
 * and the route table with the schemas from which it, the client and every later face of the API come.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger, Startable } from '@vsmcp/kernel'
import type { NodeControl } from '@vsmcp/node'
import { ControlServer } from './control-server.ts'

export interface ApiServerInit {
  control: NodeControl
  /** Serves `/mcp` on the same socket. */
  mcpHandler: (request: IncomingMessage, response: ServerResponse) => void
  /** From `controlSocketPath(dataDir)`. */
  socketPath: string
  /** The node's data directory: gets a link to the socket when the socket had to be put elsewhere. */
  dataDir: string
  /** @default silentLogger */
  logger?: Logger
}

/** `start` rejects with `SocketInUseError` when a live process serves there; the socket of a dead one is replaced. */
export const createApiServer = (init: ApiServerInit): Startable => new ControlServer(init)

export { type AnyRoute, type Route, type RouteName, ROUTES } from './routes.ts'
export { httpStatusOf } from './http-status.ts'
