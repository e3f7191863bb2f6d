import { CHARTER_BYTES_MAX, LINKS_FOR_RECOVERY_AT } from '../constants.ts'
import { canonicalBytes } from '../json/json.ts'
import { isJoint } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import { type Charter, charterBytes, recoverersOf } from './charter.ts'
import type { CharterMark, PendingChange } from './docket.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { CharterCertify } from './operation.ts'
import type { GroupEffect } from './group-effect.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'

/**
 * The state with another charter, as changed by the entry of this place. Its certificate is still to come; other voters or recovery
 * keys wait for a link, by which everybody knows them offline. A shell has a change of voters certified before it proposes the next.
 */
export function withCharter(
  state: GroupState,
  charter: Charter,
  { index }: Pick<Place, 'index'>,
  authority: Authority,
): GroupState {
  const mark = markOf(state.charter, charter, index, authority)
  if (!needsLink(state.charter, charter)) return { ...state, charter, charterMark: mark }
  const recoverers = recoverersOf(charter)
  const named = recoverers.length === 0 ? {} : { recoverers }
  const pending: PendingChange = { ...mark, before: state.charter.voters, now: charter.voters, ...named }
  return { ...state, charter, charterMark: mark, pendingChanges: [...state.pendingChanges, pending] }
}

function needsLink(before: Charter, now: Charter): boolean {
  return before.voters.join() !== now.voters.join() || recoverersOf(before).join() !== recoverersOf(now).join()
}

/** What becomes of a decision about the charter, unless the charter grew too large by it. */
export function charterChanged(
  state: GroupState,
  charter: Charter,
  place: Place,
  authority: Authority,
  effects: readonly GroupEffect[],
): Applied {
  const { length } = canonicalBytes(charter)
  if (length > CHARTER_BYTES_MAX && length > charterBytes(state.charter)) {
    return refused(state, 'charter-full', `a charter may take ${CHARTER_BYTES_MAX} bytes, and this one would take ${length}`)
  }
  if (needsLink(state.charter, charter) && state.links.length + state.pendingChanges.length >= LINKS_FOR_RECOVERY_AT) {
    return refused(
      state,
      'links-full',
      `the chain has ${LINKS_FOR_RECOVERY_AT} changes of voters and recovery keys; what room is left is for recoveries`,
    )
  }
  const next = withCharter(state, charter, place, authority)
  return changed(next, [...effects, { type: 'charter:changed', index: place.index }])
}

/**
 * Whether charter and voters of a state are certified: then others can verify a snapshot of it (rule 6). False while a change of
 * voters is under way, and until what changed last has its link or certificate.
 */
export function isCertified({ charterMark: mark, links, pendingChanges, configuration }: GroupState): boolean {
  if (pendingChanges.length > 0 || isJoint(configuration)) return false
  return mark === undefined || mark.certificate !== undefined || links.at(-1)?.index === mark.index
}

/** Keeps the certificate of the newest charter. The one before went with the charter it certified. */
export function certifyCharter(state: GroupState, operation: CharterCertify, _: Place, authority: Authority): Applied {
  const { index, certificate } = operation
  const { charter, charterMark: mark, links } = state
  if (mark?.index !== index) {
    return refused(state, 'certificate-forged', `the charter was last changed by entry ${mark?.index ?? 1}, not ${index}`)
  }
  if (mark.certificate !== undefined || links.at(-1)?.index === index) return unchanged(state)
  if (state.pendingChanges.length > 0) {
    return refused(state, 'certificate-forged', 'a change of voters must be certified before the charter of after it')
  }
  const { meshId: mesh, groupId: group, voters } = charter
  const { epoch, digestBefore, digestNow } = mark
  const facts = { mesh, group, epoch, index, digestBefore, digestNow, votersBefore: voters, votersNow: voters }
  if (!authority.verifyCertificate(certificate, { kind: 'charter', previous: links.at(-1)?.certificate, ...facts })) {
    return refused(state, 'certificate-forged', `the certificate does not say what entry ${index} made of the charter`)
  }
  return changed({ ...state, charterMark: { ...mark, certificate } }, [{ type: 'charter:certified', index }])
}

function markOf(before: Charter, now: Charter, index: number, { digest }: Authority): CharterMark {
  return { index, epoch: now.epoch, digestBefore: digest(canonicalBytes(before)), digestNow: digest(canonicalBytes(now)) }
}
