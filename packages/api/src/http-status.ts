import { VsmcpError } from '@vsmcp/kernel'
import type { WireError } from './errors.ts'

const STATUS: Readonly<Record<string, number>> = {
  VSMCP_API_BAD_REQUEST: 400,
  VSMCP_INVALID_ARGUMENT: 400,
  VSMCP_API_NOT_FOUND: 404,
  VSMCP_API_TOO_LARGE: 413,
  VSMCP_API_BAD_ANSWER: 500,
  VSMCP_INTERNAL: 500,
  VSMCP_REMOTE: 502,
  VSMCP_OUTCOME_UNKNOWN: 502,
  VSMCP_NOT_SENT: 503,
  VSMCP_BUSY: 503,
  VSMCP_STOPPED: 503,
  VSMCP_TIMEOUT: 504,
  VSMCP_NODE_CHARTER_UNCERTIFIED: 409,
  VSMCP_NODE_QUORUM_AT_RISK: 409,
  VSMCP_NODE_VERSION_DIFFERS: 409,
  VSMCP_NODE_STORAGE_REFUSED: 503,
  VSMCP_NODE_SERVER_REFUSED: 502,
  VSMCP_NODE_FEED_UNREADABLE: 502,
  VSMCP_SECURITY_GROUP_GRANT_SIGNATURES: 503,
}

/** How the last words of a code, which all packages use alike, read in HTTP. */
const STATUS_BY_ENDING: readonly (readonly [RegExp, number])[] = [
  [/_(NOT_FOUND|UNKNOWN)$/, 404],
  [/_(DENIED|FORBIDDEN|UNAUTHORIZED|NOT_ALLOWED|REVOKED|REFUSED)$/, 403],
  [/_(EXISTS|CONFLICT|TAKEN|IN_USE|ELSEWHERE|DIFFERENT)$/, 409],
  [/_(BUSY|FULL|STOPPED|NO_SYSTEM5|UNREACHABLE)$/, 503],
  [/_TIMEOUT$/, 504],
  [/_INVALID$/, 400],
]

/** The status line for an error: anything the node refuses on purpose and that fits nowhere else is a 422. */
export function httpStatusOf(code: string): number {
  return STATUS[code] ?? STATUS_BY_ENDING.find(([ending]) => ending.test(code))?.[1] ?? 422
}

/** An error as it is put on the wire; the kernel's shape and the safe details. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof VsmcpError)) {
    return { code: 'VSMCP_INTERNAL', message: error instanceof Error ? error.message : String(error) }
  }
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  }
}
