import { VsmcpError } from '@vsmcp/kernel'

/** Something happened that must never happen: a fault of the code under simulation. The seed replays it. */
export class InvariantBrokenError extends VsmcpError {
  readonly code = 'VSMCP_SIMULATOR_INVARIANT_BROKEN'
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`, { hint: 'Replay it with `pnpm sim --seed N` and read the trace.' })
    this.invariant = invariant
  }
}
