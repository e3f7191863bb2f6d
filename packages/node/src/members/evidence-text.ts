import type { PeerIdString } from '@vsmcp/kernel'
import type { Evidence } from '@vsmcp/membership'

/** Why a member is in its state, for people. */
export function evidenceText(why: Evidence, nowMs: number, nameOf: (peer: PeerIdString) => string): string {
  const names = (peers: readonly PeerIdString[]): string => peers.map(nameOf).join(', ')
  switch (why.kind) {
    case 'unseen':
      return 'not seen yet'
    case 'connected':
      return 'connected'
    case 'answered':
      return 'answered after a silence'
    case 'reached':
      return `not connected from here; reached through ${nameOf(why.through)}`
    case 'refuted':
      return 'not connected from here; it says through others that it is alive'
    case 'told':
      return `not connected from here; ${nameOf(why.by)} says it is alive`
    case 'unvouched':
      return `not connected from here; ${nameOf(why.by)}, which said it is alive, is gone`
    case 'closed':
      return 'its connection closed'
    case 'refused':
      return 'nobody answers at its addresses'
    case 'silent': {
      const asked = why.asked.length === 0 ? 'nobody else to ask' : `asked through ${names(why.asked)}`
      return `silent for ${Math.round((nowMs - why.sinceMs) / 1000)} s; ${asked}`
    }
    case 'accused':
      return `found silent by ${names(why.by)}`
    // It left.
    default:
      return 'said goodbye'
  }
}
