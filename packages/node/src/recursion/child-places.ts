import { type GroupState, policyVersionOf } from '@vsmcp/consensus'
import type { GroupId } from '@vsmcp/kernel'
import { type ChildPlace, directivesBelow, type GroupDirective, pathUnder } from '@vsmcp/vsm'
import { governanceOf } from '../system5/governing/governance-of.ts'

/** The groups below one of this path that are here, each with what the policies of that group hold it to. */
export function childPlaces(by: GroupId, path: string, { groups, charter }: GroupState, nowMs: number): ChildPlace[] {
  const governance = governanceOf(charter)
  const atMs = charter.policyHistory?.at(-1)?.atMs ?? 0
  const office = { by, version: policyVersionOf(charter), atMs, nowMs }
  return groups
    .entries()
    .flatMap(([group, { name, awaited }]) =>
      awaited === true
        ? []
        : [{ group, path: pathUnder(path, name), directives: directivesBelow({ group, name }, governance, office) }],
    )
}

/** What children are held to, and cannot be told, by their names. */
export function untoldOf(
  { groups }: GroupState,
  children: readonly ChildPlace[],
  untold: (child: ChildPlace) => readonly GroupDirective[],
): Map<string, readonly GroupDirective[]> {
  const all = children.map((child) => [groups.get(child.group)?.name ?? child.group, untold(child)] as const)
  return new Map(all.filter(([, directives]) => directives.length > 0))
}
