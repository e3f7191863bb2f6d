import { VsmcpError } from '../errors.ts'

/** A supervisor gave up: its children were restarted more often than it allows, or could not be restarted at all. */
export class SupervisorFailedError extends VsmcpError {
  readonly code = 'VSMCP_SUPERVISION_GAVE_UP'
}
