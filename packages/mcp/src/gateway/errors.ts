import { VsmcpError } from '@vsmcp/kernel'

/** No tool, prompt or resource of that name is listed. A router may have its own error for this, if its code ends alike. */
export class TargetUnknownError extends VsmcpError {
  readonly code = 'VSMCP_MCP_TARGET_UNKNOWN'
}

/** The MCP endpoint cannot listen where it was told to. */
export class ListenError extends VsmcpError {
  readonly code = 'VSMCP_MCP_LISTEN'
}

/** No node answers where one was expected. */
export class NodeUnreachableError extends VsmcpError {
  readonly code = 'VSMCP_MCP_NODE_UNREACHABLE'
}

/** The server needs input from the client (elicitation, sampling, roots), which cannot be carried to it. */
export class InputRequiredError extends VsmcpError {
  readonly code = 'VSMCP_MCP_INPUT_REQUIRED'
}

/** The server's answer breaks the protocol. */
export class BadAnswerError extends VsmcpError {
  readonly code = 'VSMCP_MCP_BAD_ANSWER'
}
