import { LINKS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { LinkAdd } from './operation.ts'
import { changed, refused, unchanged } from './outcome.ts'
import { putLink } from './records.ts'

/** Keeps the certificate of a change of voters. There is one for each; a second, different one is refused, not preferred. */
export function addLink(state: GroupState, operation: LinkAdd): Applied {
  const { index, certificate, author } = operation
  if (!isVoter(state.configuration, author)) return refused(state, 'not-yours', `${author} is no voter, and only voters certify`)
  const existing = state.links.find((link) => link.index === index)
  if (existing?.certificate === certificate) return unchanged(state)
  if (existing !== undefined) {
    return refused(state, 'link-differs', `the change of voters of entry ${index} is certified already, by other signatures`)
  }
  if (state.links.length >= LINKS_MAX)
    return refused(state, 'links-full', `the group keeps ${LINKS_MAX} certified changes of voters`)
  const unknown = unknownFields(operation, ['op', 'author', 'atMs'])
  return changed(putLink(state, { ...unknown, index, certificate }), [{ type: 'link:added', index }])
}
