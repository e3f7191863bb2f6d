import { LINKS_KEPT_FREE_AT, LINKS_MAX, LINKS_TOLD_FROM } from '@vsmcp/consensus'

/** What people are told of a chain of so many links: nothing before it is three quarters full. */
export function chainRoomProblems(links: number): string[] {
  if (links < LINKS_TOLD_FROM) return []
  const stay =
    links < LINKS_KEPT_FREE_AT ? `from ${LINKS_KEPT_FREE_AT} on the voters stay` : 'a dead voter is replaced no more, they stay'
  return [
    `the chain of voters has ${links} of ${LINKS_MAX} links; ${stay} as they are: shorten it with the mesh key, ` +
      '`vsmcp key anchor --mesh-key FILE`',
  ]
}
