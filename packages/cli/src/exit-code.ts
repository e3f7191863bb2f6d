/** What the process ends with; documented in docs/cli.md, never to change their meaning. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  noNode: 3,
  denied: 4,
  toolError: 5,
  outcomeUnknown: 6,
  timedOut: 7,
} as const

const BY_CODE: Readonly<Record<string, number>> = {
  VSMCP_CLI_USAGE: EXIT.usage,
  VSMCP_CLI_CONFIG: EXIT.usage,
  VSMCP_INVALID_ARGUMENT: EXIT.usage,
  VSMCP_API_BAD_REQUEST: EXIT.usage,
  VSMCP_API_NO_NODE: EXIT.noNode,
  VSMCP_API_DENIED: EXIT.denied,
  VSMCP_CLI_EVICTED: EXIT.denied,
  VSMCP_MESH_ADDRESS: EXIT.usage,
  VSMCP_SECURITY_TOKEN_MALFORMED: EXIT.usage,
  VSMCP_SECURITY_TOKEN_CUT_SHORT: EXIT.usage,
  VSMCP_SECURITY_TOKEN_MISTYPED: EXIT.usage,
  VSMCP_NODE_REFUSED: EXIT.denied,
  VSMCP_NODE_GROUP_PLACE_REFUSED: EXIT.denied,
  VSMCP_NODE_OPERATOR_UNKNOWN: EXIT.denied,
  VSMCP_NODE_MEMBER_UNKNOWN: EXIT.usage,
  VSMCP_NODE_ALERT_UNKNOWN: EXIT.usage,
  VSMCP_NODE_ALERT_REFUSED: EXIT.denied,
  VSMCP_NODE_POLICY_INVALID: EXIT.usage,
  VSMCP_NODE_PROPOSAL_UNKNOWN: EXIT.usage,
  VSMCP_NODE_PROPOSAL_REFUSED: EXIT.denied,
  VSMCP_MESH_HELLO_REFUSED: EXIT.denied,
  VSMCP_SECURITY_TOKEN_EXPIRED: EXIT.denied,
  VSMCP_SECURITY_TOKEN_OTHER_MESH: EXIT.denied,
  VSMCP_SECURITY_INVITATION_REFUSED: EXIT.denied,
  VSMCP_SECURITY_JOIN_REFUSED: EXIT.denied,
  VSMCP_SECURITY_JOIN_RATE: EXIT.denied,
  VSMCP_CLI_TOOL_ERROR: EXIT.toolError,
  VSMCP_NODE_SERVER_REFUSED: EXIT.toolError,
  VSMCP_OUTCOME_UNKNOWN: EXIT.outcomeUnknown,
  VSMCP_TIMEOUT: EXIT.timedOut,
}

/** The exit code for an error's code; whatever is not listed has simply failed. */
export function exitCodeOf(code: string): number {
  return BY_CODE[code] ?? EXIT.failed
}
