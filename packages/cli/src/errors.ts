import { VsmcpError } from '@vsmcp/kernel'

/** The command line is wrong: nothing was done. */
export class UsageError extends VsmcpError {
  readonly code = 'VSMCP_CLI_USAGE'
}

/** A configuration value, from wherever, is wrong: nothing was done. */
export class ConfigError extends VsmcpError {
  readonly code = 'VSMCP_CLI_CONFIG'
}

/** A file given to a command cannot be read, or does not hold what it should. */
export class FileError extends VsmcpError {
  readonly code = 'VSMCP_CLI_FILE'
}

/** The tool was called and answered with an error of its own. */
export class ToolAnsweredError extends VsmcpError {
  readonly code = 'VSMCP_CLI_TOOL_ERROR'
}

/** Of several things to do, some failed. */
export class PartlyFailedError extends VsmcpError {
  readonly code = 'VSMCP_CLI_PARTLY_FAILED'
}

/** A check of `doctor` failed. */
export class UnhealthyError extends VsmcpError {
  readonly code = 'VSMCP_CLI_UNHEALTHY'
}

/** The command needs the data directory for itself, and a node runs on it. */
export class NodeRunningError extends VsmcpError {
  readonly code = 'VSMCP_CLI_NODE_RUNNING'
}

/** The data directory belongs to no mesh, or to none any more. */
export class NoMeshError extends VsmcpError {
  readonly code = 'VSMCP_CLI_NO_MESH'
}

/** A port that the node should listen on belongs to another process. */
export class PortTakenError extends VsmcpError {
  readonly code = 'VSMCP_CLI_PORT_TAKEN'
}

/** The node could not be handed to, or taken from, the system's service manager. */
export class ServiceError extends VsmcpError {
  readonly code = 'VSMCP_CLI_SERVICE'
}

/** The node did not start, or ended because of a fault. */
export class NodeFailedError extends VsmcpError {
  readonly code = 'VSMCP_CLI_NODE_FAILED'
}

/** The group has thrown this node out. */
export class EvictedError extends VsmcpError {
  readonly code = 'VSMCP_CLI_EVICTED'
}
