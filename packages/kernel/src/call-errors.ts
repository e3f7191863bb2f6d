import { VsmcpError, type VsmcpErrorOptions } from './errors.ts'

/** The request surely did not reach its handler: repeating it is safe. */
export class NotSentError extends VsmcpError {
  readonly code = 'VSMCP_NOT_SENT'
}

/** The request left, no answer came: it may or may not have been executed. */
export class OutcomeUnknownError extends VsmcpError {
  readonly code = 'VSMCP_OUTCOME_UNKNOWN'
}

/** The handler at the other end threw; `remoteCode` is the code it gave. */
export class RemoteError extends VsmcpError {
  readonly code = 'VSMCP_REMOTE'
  readonly remoteCode: string

  constructor(remoteCode: string, message: string, options: VsmcpErrorOptions = {}) {
    super(message, options)
    this.remoteCode = remoteCode
  }
}
