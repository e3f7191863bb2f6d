import type { LocalNode } from '../../e2e/lib/world.ts'

/** All of a mesh that a stranger could want to change, as one of its nodes sees it. */
export async function pictureOf(node: LocalNode): Promise<unknown> {
  const [status, members, tools, units, invitations, alerts] = await Promise.all([
    node.vsmcp('status'),
    node.vsmcp('members'),
    node.vsmcp('tools'),
    node.vsmcp('units'),
    node.vsmcp('invite', 'ls'),
    node.vsmcp('alert', 'ls'),
  ])
  const { system5, health, problems } = status as { system5: Record<string, unknown>; health: unknown; problems: unknown }
  const { leader, term, voters } = system5
  const who = (members as { peerId: string; name: string; state: string; role: string }[]).map(
    ({ peerId, name, state, role }) => ({
      peerId,
      name,
      state,
      role,
    }),
  )
  // A busy machine may hurt a little.
  const pain = (alerts as { severity: string; subject: string }[]).filter(({ severity }) => severity === 'critical')
  const what = (units as Record<string, unknown>[]).map(({ figures: _figures, work: _work, ...unit }) => unit)
  return { system5: { leader, term, voters }, health, problems, members: who, tools, units: what, invitations, pain }
}

/** How many entries the group has decided: a stranger that makes it grow has changed something. */
export async function decidedBy(node: LocalNode): Promise<number> {
  const { system5 } = (await node.vsmcp('status')) as { system5: { appliedIndex: number } }
  return system5.appliedIndex
}
