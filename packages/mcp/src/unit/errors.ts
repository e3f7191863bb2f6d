import { VsmcpError, type VsmcpErrorOptions } from '@vsmcp/kernel'

/** An attached server did not come up: the message says why, `stderr` holds the last lines it wrote. */
export class UnitStartError extends VsmcpError {
  readonly code = 'VSMCP_UNIT_START'
  readonly stderr: readonly string[]

  constructor(message: string, options: VsmcpErrorOptions & { stderr?: readonly string[] } = {}) {
    const { stderr = [], ...rest } = options
    super(message, { ...rest, details: { ...rest.details, stderr } })
    this.stderr = stderr
  }
}

/** A value of the form `env:NAME` or `file:PATH` could not be read. */
export class SecretMissingError extends VsmcpError {
  readonly code = 'VSMCP_UNIT_SECRET_MISSING'
}

/** A server's lists break a bound or are no lists. */
export class DefinitionsError extends VsmcpError {
  readonly code = 'VSMCP_UNIT_DEFINITIONS'
}

/** The process guard cannot do its work: no server is started that it could not end. */
export class ProcessGuardError extends VsmcpError {
  readonly code = 'VSMCP_UNIT_PROCESS_GUARD'
}
