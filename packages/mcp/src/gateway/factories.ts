import type {
  Gateway,
  GatewayComponents,
  GatewayInit,
  RemoteRouter,
  RemoteRouterComponents,
  RemoteRouterInit,
  StdioComponents,
  StdioInit,
} from './contract.ts'
import { McpGateway } from './gateway.ts'
import { HttpRemoteRouter } from './remote-router.ts'
import { StdioService } from './stdio.ts'

/** Throws `InvalidArgumentError` for an address off loopback without a token; `start` rejects with `ListenError`. */
export const createGateway =
  (init: GatewayInit = {}) =>
  (components: GatewayComponents): Gateway =>
    new McpGateway(init, components)

export const createRemoteRouter =
  (init: RemoteRouterInit) =>
  (components: RemoteRouterComponents): RemoteRouter =>
    new HttpRemoteRouter(init, components)

/** Serves one client on stdin and stdout, in either era. Resolves when stdin ends or stdout breaks. */
export const runStdio =
  (init: StdioInit) =>
  (components: StdioComponents): Promise<void> =>
    new StdioService(init, components).run()
