import type { PeerIdString } from '@vsmcp/kernel'
import { TransferRefusedError } from '../errors.ts'
import { isVoter } from './configuration.ts'
import type { Core } from './core.ts'
import { concludeTransfer, sendAppend } from './replication.ts'

/** The voter with the longest log among those that answer and are connected; of equals the first by id. */
export function bestSuccessor(core: Core): PeerIdString | undefined {
  let best: { peer: PeerIdString; match: number } | undefined
  for (const peer of core.configuration.voters) {
    const progress = core.progress.get(peer)
    if (progress?.counted !== true || !core.hearsFrom(progress) || core.closed.has(peer)) continue
    if (best === undefined || progress.match > best.match) best = { peer, match: progress.match }
  }
  return best?.peer
}

/** Begins a transfer. Throws `TransferRefusedError`. */
export function beginTransfer(core: Core, to: PeerIdString): void {
  const progress = core.progress.get(to)
  if (to === core.id || progress === undefined || !isVoter(core.configuration, to)) {
    throw new TransferRefusedError(
      `${to} cannot take over leadership: it is ${to === core.id ? 'the leader already' : 'no voter'}`,
      {
        hint: `Choose one of ${core.configuration.voters.filter((voter) => voter !== core.id).join(', ') || 'no other voters: there are none'}.`,
      },
    )
  }
  if (!progress.counted) {
    throw new TransferRefusedError(`${to} cannot take over leadership: its disk was restored, and may not vote`, {
      hint: 'Choose another voter, and let that node join anew.',
    })
  }
  if (core.closed.has(to)) {
    throw new TransferRefusedError(`${to} cannot take over leadership: there is no connection to it`, {
      hint: 'Choose a voter that is connected.',
    })
  }
  if (core.transfer?.to === to) return
  core.transfer = { to, untilMs: core.nowMs + core.timings.electionTimeoutMinMs }
  if (progress.match === core.log.lastIndex) concludeTransfer(core, to, progress)
  else sendAppend(core, to, progress, 'always')
}
