import { VsmcpError, type VsmcpErrorOptions } from '@vsmcp/kernel'

/** A multiaddr that cannot be read, or is not TCP or a WebSocket over IPv4, IPv6 or DNS. */
export class AddressError extends VsmcpError {
  readonly code = 'VSMCP_MESH_ADDRESS'
}

/** The private key given is not an Ed25519 key in libp2p's protobuf form. */
export class PrivateKeyError extends VsmcpError {
  readonly code = 'VSMCP_MESH_PRIVATE_KEY'
}

/** What was given as the key of the private network is none. */
export class PnetKeyError extends VsmcpError {
  readonly code = 'VSMCP_MESH_PNET_KEY'
}

/** An address to listen on could not be had. */
export class ListenError extends VsmcpError {
  readonly code = 'VSMCP_MESH_LISTEN'
}

/** One address that was tried and what came of it. */
export interface DialAttempt {
  readonly address: string
  readonly reason: string
  /** The refusal's code when somebody answered there and refused. */
  readonly code?: string
}

/** No address led to a verified peer. */
export class DialError extends VsmcpError {
  readonly code = 'VSMCP_MESH_DIAL'
  readonly attempts: readonly DialAttempt[]

  constructor(message: string, attempts: readonly DialAttempt[], options: VsmcpErrorOptions = {}) {
    super(message, { ...options, details: { attempts: attempts.map(({ address, reason }) => `${address}: ${reason}`) } })
    this.attempts = attempts
  }
}

/** The other side does not want this node; `refusal` is all it says. */
export class HelloRefusedError extends VsmcpError {
  readonly code = 'VSMCP_MESH_HELLO_REFUSED'
  readonly refusal: string

  constructor(message: string, refusal: string, options: VsmcpErrorOptions = {}) {
    super(message, { ...options, details: { refusal } })
    this.refusal = refusal
  }
}

/** The hello could not be completed: garbage, silence, or a connection that ended. */
export class HelloFailedError extends VsmcpError {
  readonly code = 'VSMCP_MESH_HELLO_FAILED'
}

/** No wire version is spoken by both sides. */
export class WireRangeError extends VsmcpError {
  readonly code = 'VSMCP_MESH_WIRE_RANGE'
}

/** Another process of this identity is alive and connected. */
export class DuplicateIdentityError extends VsmcpError {
  readonly code = 'VSMCP_MESH_DUPLICATE_IDENTITY'
}

/** Somebody else than expected answered. */
export class UnexpectedPeerError extends VsmcpError {
  readonly code = 'VSMCP_MESH_UNEXPECTED_PEER'
}

/** A join broke off: too long, too many messages, out of time, or ended by the other side. */
export class JoinError extends VsmcpError {
  readonly code = 'VSMCP_MESH_JOIN'
}

/** A frame or message that breaks the wire format. */
export class MalformedFrameError extends VsmcpError {
  readonly code = 'VSMCP_MESH_MALFORMED_FRAME'
}

/** A payload above the cap of a frame. */
export class FrameTooLargeError extends VsmcpError {
  readonly code = 'VSMCP_MESH_FRAME_TOO_LARGE'
}

/** A connection was closed on purpose. */
export class ConnectionEndedError extends VsmcpError {
  readonly code = 'VSMCP_MESH_CONNECTION_ENDED'
}
