import { LINKS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { LinkAdd } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { putLink } from './records.ts'

/**
 * Keeps the certificate of the oldest change of voters or recovery keys that has none. It must say just what was committed and be signed by
 * majorities of both voter sets, so that whoever leads cannot put anything else in the way of the next.
 */
export function addLink(state: GroupState, operation: LinkAdd, _: Place, authority: Authority): Applied {
  const { index, certificate, author } = operation
  if (!isVoter(state.configuration, author)) return refused(state, 'not-yours', `${author} is no voter, and only voters certify`)
  const existing = state.links.find((link) => link.index === index)
  if (existing?.certificate === certificate) return unchanged(state)
  if (existing !== undefined) {
    return refused(state, 'link-differs', `the change of voters of entry ${index} is certified already, by other signatures`)
  }
  if (state.links.length >= LINKS_MAX)
    return refused(state, 'links-full', `the group keeps ${LINKS_MAX} certified changes of voters`)
  const [next, ...rest] = state.pendingChanges
  if (next?.index !== index) {
    const expected = next === undefined ? 'no change of voters waits' : `the change of entry ${next.index} waits`
    return refused(state, 'link-forged', `${expected} for its certificate, and this one is of entry ${index}`)
  }
  const { epoch, digestBefore, digestNow, before: votersBefore, now: votersNow, recoverers } = next
  const { meshId: mesh, groupId: group } = state.charter
  const named = recoverers === undefined ? {} : { recoverers }
  const facts = { mesh, group, epoch, index, digestBefore, digestNow, votersBefore, votersNow, ...named }
  const previous = state.links.at(-1)?.certificate
  if (!authority.verifyCertificate(certificate, { kind: 'link', previous, ...facts })) {
    return refused(state, 'link-forged', `the certificate does not say how entry ${index} changed the voters`)
  }
  const unknown = unknownFields(operation, ['op', 'author', 'atMs'])
  return changed(putLink({ ...state, pendingChanges: rest }, { ...unknown, index, certificate }), [{ type: 'link:added', index }])
}
