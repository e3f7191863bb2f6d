import { type SafeDetails, VsmcpError } from '@vsmcp/kernel'

/** No node is running on that data directory. */
export class NoNodeError extends VsmcpError {
  readonly code = 'VSMCP_API_NO_NODE'
}

/** The operating system does not let this user open the socket. */
export class ApiDeniedError extends VsmcpError {
  readonly code = 'VSMCP_API_DENIED'
}

/** A live process already serves on the socket. */
export class SocketInUseError extends VsmcpError {
  readonly code = 'VSMCP_API_SOCKET_IN_USE'
}

/** A request that does not fit its schema. */
export class BadRequestError extends VsmcpError {
  readonly code = 'VSMCP_API_BAD_REQUEST'
}

/** A request body over the bound. */
export class TooLargeError extends VsmcpError {
  readonly code = 'VSMCP_API_TOO_LARGE'
}

/** No such route. */
export class RouteNotFoundError extends VsmcpError {
  readonly code = 'VSMCP_API_NOT_FOUND'
}

/** The other end does not speak this API, or an answer does not fit its schema: different versions, or a fault. */
export class BadAnswerError extends VsmcpError {
  readonly code = 'VSMCP_API_BAD_ANSWER'
}

/** What the node answered instead of a result; the code, message, hint and details are the node's own. */
export class NodeError extends VsmcpError {
  readonly code: `VSMCP_${string}`

  constructor(shape: WireError) {
    super(shape.message, {
      ...(shape.hint === undefined ? {} : { hint: shape.hint }),
      ...(shape.details === undefined ? {} : { details: shape.details }),
    })
    this.code = shape.code.startsWith('VSMCP_') ? (shape.code as `VSMCP_${string}`) : 'VSMCP_INTERNAL'
  }
}

/** An error as it travels: the kernel's shape and the details that are safe to show. */
export interface WireError {
  code: string
  message: string
  hint?: string
  details?: SafeDetails
}
