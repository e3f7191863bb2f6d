import type { ChildState, MailboxFigures, RestartType, Strategy } from '@vsmcp/kernel'

/** A supervisor or a part of the running node. */
export interface PartView {
  /** From the root: `["node", "system3", "reports"]`. A supervisor comes before what is below it. */
  path: string[]
  state: ChildState
  /** Of a supervisor: whom the crash of one concerns. */
  strategy: Strategy | null
  restart: RestartType
  /** Since its supervisor was made. */
  restarts: number
  lastError: string | null
  /** Of an actor. */
  mailbox: MailboxFigures | null
}
