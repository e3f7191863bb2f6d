import { BusyError, NotSentError, OutcomeUnknownError, TimeoutError, type UnitName } from '@vsmcp/kernel'
import { isToolError, type McpReply } from '@vsmcp/mcp'
import type { Auditable, CallOutcome, OwnCall } from '@vsmcp/vsm'
import type { Target } from '../catalog/catalog.ts'
import { ShedError, TargetUnknownError, UnitStoppedError, UnitUnreachableError } from '../errors.ts'

/** A client's call of a tool that has ended, at the node it was made at. */
export interface CalledTool {
  /** As the client named it. */
  readonly tool: string
  /** Undefined when nobody has it. */
  readonly target: Target | undefined
  readonly outcome: CallOutcome
}

/** What the node that asked saw of a request to another node. */
export type SeenCall = Omit<OwnCall, 'overheadMs'>

export interface CallWatch {
  called(call: CalledTool): void
  /**
   * A unit of this node is asked.
   * @returns to be called when it ended, with whether the unit answered
   */
  asked(unit: UnitName): (isServed: boolean) => void
  /** A request to a unit of another node has ended, as this node saw it. */
  returned(from: Auditable, call: SeenCall): void
}

export function outcomeOf(reply: McpReply): CallOutcome {
  if ('error' in reply) return 'error'
  // The text is looked through before it is parsed: few answers hold the word at all.
  return reply.resultJson.includes('"isError"') && isToolError(reply.resultJson) ? 'tool-error' : 'ok'
}

const REFUSED = [NotSentError, BusyError, UnitUnreachableError, ShedError, UnitStoppedError]

/** Nothing was done: it may be asked of another. */
export function isRefusal(error: unknown): error is InstanceType<(typeof REFUSED)[number]> {
  return REFUSED.some((Refused) => error instanceof Refused)
}

export function outcomeOfFailure(error: unknown, signal: AbortSignal): CallOutcome {
  if (error instanceof TargetUnknownError) return 'unknown'
  if (signal.aborted) return 'cancelled'
  if (isRefusal(error)) return 'refused'
  if (error instanceof OutcomeUnknownError || error instanceof TimeoutError) return 'late'
  return 'error'
}
