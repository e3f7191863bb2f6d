import type { PeerIdString } from '@vsmcp/kernel'
import type { MemberRole } from './docket.ts'

/** What the leader sees of a member now. */
export interface Reachability {
  /** A connection is open (true for the leader itself). */
  readonly reachable: boolean
  /** Milliseconds since the member was last alive, 0 while it is. */
  readonly failedForMs: number
  /** Its log has caught up (`PeerProgress.inSync`; true for the leader itself). */
  readonly inSync: boolean
  /** Milliseconds it has been up, as far as the leader knows. */
  readonly upForMs: number
}

export interface Candidate {
  readonly peer: PeerIdString
  readonly role: MemberRole
  readonly zone: string
}

export interface ChooseVotersInit {
  /** Voters aimed for: odd, at most `VOTERS_MAX`. @default 5 */
  target?: number
  /** A voter failed for longer is replaced when a live member in sync exists. @default 600_000 */
  deadAfterMs?: number
}
