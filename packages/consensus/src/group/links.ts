import { LINKS_BESIDE_ANCHOR, LINKS_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { Authority } from './authority.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { ChainAnchor, LinkAdd } from './operation.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { putLink, shortenLinks } from './records.ts'

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

/**
 * Shortens the chain of voters: the mesh key vouches for what the first links say, and one link stands for them. Whoever hands it in, the
 * key has decided; the links that vouch for credentials stay.
 */
export function anchorChain(state: GroupState, operation: ChainAnchor, _: Place, authority: Authority): Applied {
  const { anchor } = operation
  const { links, charter } = state
  const { meshId: mesh, groupId: group, meshPublicKey } = charter
  if (links[0]?.certificate === anchor) return unchanged(state)
  const known = { mesh, group, meshPublicKey, links: links.map(({ certificate }) => certificate) }
  const count = authority.linksAnchored(anchor, known)
  const last = links[count - 1]
  if (count < 2 || last === undefined) {
    return refused(
      state,
      'anchor-forged',
      'the anchor is not signed by the mesh key, or is of other changes of voters than this docket',
    )
  }
  if (links.length - count < LINKS_BESIDE_ANCHOR) {
    const left = `${links.length - count} links would stay beside the anchor`
    return refused(state, 'anchor-early', `${left}, and credentials need the newest ${LINKS_BESIDE_ANCHOR}`)
  }
  const unknown = unknownFields(operation, ['op', 'author', 'atMs', 'anchor'])
  return changed(shortenLinks(state, count, { ...unknown, index: last.index, certificate: anchor }), [{ type: 'chain:anchored' }])
}
