/** Details that are safe to show to a person and to write to a log: never a secret. */
export type SafeDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

export interface VsmcpErrorOptions {
  /** What to do next, as a sentence for a person. */
  hint?: string
  details?: SafeDetails
  cause?: unknown
}

/**
 * Every error this project raises on purpose. The code never changes its meaning; `docs/errors.md` lists them all and a
 * test holds the list to the code. The message says what happened and to what, the hint what to do next.
 */
export abstract class VsmcpError extends Error {
  abstract readonly code: `VSMCP_${string}`
  readonly hint: string | undefined
  readonly details: SafeDetails

  constructor(message: string, options: VsmcpErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

/** The shape of an error on every wire of this project: RPC, `/v1`, and `--json` on stderr. */
export interface ErrorShape {
  code: string
  message: string
  hint?: string
}

/** Flattens whatever was thrown; an error that is not ours becomes `VSMCP_INTERNAL`. */
export function toErrorShape(error: unknown): ErrorShape {
  if (error instanceof VsmcpError) {
    return error.hint === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, hint: error.hint }
  }
  return { code: 'VSMCP_INTERNAL', message: error instanceof Error ? error.message : String(error) }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A caller broke a contract: wrong argument, wrong state. */
export class InvalidArgumentError extends VsmcpError {
  readonly code = 'VSMCP_INVALID_ARGUMENT'
}

/** A bounded queue, table or buffer was full; the new item was refused, what was in it stands. */
export class BusyError extends VsmcpError {
  readonly code = 'VSMCP_BUSY'
}

/** What was asked for did not finish within its deadline. */
export class TimeoutError extends VsmcpError {
  readonly code = 'VSMCP_TIMEOUT'
}

/** The component is stopped or stopping. */
export class StoppedError extends VsmcpError {
  readonly code = 'VSMCP_STOPPED'
}
