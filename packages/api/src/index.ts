/**
 * The control API `/v1` of a node: the server on a Unix socket that only the node's user may open, and the client. Quick
 * to load; the HTTP framework and the schemas of every request and answer are loaded when a server starts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger, Startable } from '@vsmcp/kernel'
import type { NodeControl } from '@vsmcp/node'
import { ControlClient } from './control-client.ts'
import { LazyServer } from './lazy-server.ts'

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
export const createApiServer = (init: ApiServerInit): Startable => new LazyServer(init)

export interface ApiClientInit {
  /** Data directory of the node to speak to. */
  dataDir: string
  /** For plain requests: how long the node may take to answer, in ms. @default 15_000 */
  answerTimeoutMs?: number
  /** Where `XDG_RUNTIME_DIR` is looked up. @default process.env */
  env?: Readonly<Record<string, string | undefined>>
}

/**
 * A running node, seen through its control socket. Each method rejects with `NoNodeError` when no node runs there, with
 * `NodeError` (the node's own code, message, hint and details) when the node refuses or fails, with
 * `OutcomeUnknownError` when the connection broke after a change was sent, and with `TimeoutError`.
 */
export type ApiClient = NodeControl

export const createApiClient = (init: ApiClientInit): ApiClient => new ControlClient(init)

export { controlSocketPath, findControlSocket } from './socket-path.ts'
export { ApiDeniedError, BadAnswerError, NodeError, NoNodeError, SocketInUseError } from './errors.ts'
