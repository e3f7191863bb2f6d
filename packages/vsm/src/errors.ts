import { VsmcpError } from '@vsmcp/kernel'

/** The model has no channel of this kind between these two systems. */
export class ChannelForbiddenError extends VsmcpError {
  readonly code = 'VSMCP_VSM_CHANNEL_FORBIDDEN'
}

/** Bytes on a topic that are not a message of it, or a message that could not be sent as one. */
export class MessageMalformedError extends VsmcpError {
  readonly code = 'VSMCP_VSM_MESSAGE_MALFORMED'
}

/** A mesh or group id that cannot be part of a topic's name. */
export class TopicInvalidError extends VsmcpError {
  readonly code = 'VSMCP_VSM_TOPIC_INVALID'
}
