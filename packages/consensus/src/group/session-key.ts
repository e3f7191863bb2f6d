import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import type { SessionKeyRecord } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { SessionKeyRotate } from './operation.ts'
import { changed, type Place, refused, refusedVersion, unchanged } from './outcome.ts'
import { flawOfPeer } from './proofs.ts'

/** Names the next session key. Any voter may, by its own signature; the key itself goes from member to member. */
export function rotateSessionKey(state: GroupState, operation: SessionKeyRotate, place: Place, authority: Authority): Applied {
  const { by, keyId, digest, expects, atMs } = operation
  const current = state.sessionKey
  if (current?.keyId === keyId && current.digest === digest) return unchanged(state)
  if (!isVoter(state.configuration, by)) return refused(state, 'not-yours', `${by} is no voter, and only voters rotate the key`)
  const flaw = flawOfPeer(state.charter, operation, by, authority)
  if (flaw !== undefined) return refused(state, flaw.code, flaw.message)
  const inForce = current?.keyId ?? ''
  if (expects !== inForce || keyId === inForce) return refusedVersion(state, 'the session key', expects, inForce)
  const previous = current === undefined ? {} : { previous: { keyId: current.keyId, digest: current.digest } }
  const sessionKey: SessionKeyRecord = { keyId, digest, ...previous, by, index: place.index, atMs }
  return changed({ ...state, sessionKey }, [{ type: 'session-key:rotated', keyId }])
}
