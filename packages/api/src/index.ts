/**
 * The control API `/v1`: its client, where its socket is, its errors and its endpoints. Quick to load; the server, with
 * the schemas of every request and answer, is in `@vsmcp/api/server`.
 */
import type { NodeControl } from '@vsmcp/node'
import { ControlClient } from './control-client.ts'

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
export { API_ERROR_CODES, ApiDeniedError, BadAnswerError, NodeError, NoNodeError, SocketInUseError } from './errors.ts'
export { type Endpoint, type EndpointName, ENDPOINTS } from './endpoints.ts'
