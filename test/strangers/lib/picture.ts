import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'vitest'

import { eventually, type LocalNode, type Status } from '../../e2e/lib/world.ts'

/** Longer than System 5 takes between two looks at what it has to decide of itself, milliseconds. */
const REST_MS = 600

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
  const { system5, health, problems } = status as Status
  const { leader, voters } = system5
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
  // Which of the voters leads is theirs to choose, again on a busy machine.
  const isLed = voters.includes(leader ?? '')
  return { system5: { isLed, voters }, health, problems, members: who, tools, units: what, invitations, pain }
}

/** How far the group has decided, and in which term. */
export interface Decided {
  readonly term: number
  readonly entries: number
}

async function decidedBy(node: LocalNode): Promise<Decided> {
  const { system5 } = (await node.vsmcp('status')) as Status
  return { term: system5.term, entries: system5.appliedIndex }
}

/** What the group has decided once nothing is left that it would decide of itself. */
export function atRest(node: LocalNode): Promise<Decided> {
  return eventually('the group to have decided what follows from the last decision', async () => {
    const before = await decidedBy(node)
    await sleep(REST_MS)
    const { term, entries } = await decidedBy(node)
    return term === before.term && entries === before.entries ? before : undefined
  })
}

/** What the group was before it is again: what a busy machine does to it passes, what a stranger has changed stays. */
export async function expectPicture(node: LocalNode, before: unknown, part = (picture: unknown) => picture): Promise<void> {
  await expect.poll(async () => part(await pictureOf(node)), { timeout: 30_000 }).toEqual(part(before))
}

/** The group has decided nothing since. @returns from where to look on: who is elected adds an entry, and may have more to add of its own */
export async function expectNothingDecided(node: LocalNode, since: Decided): Promise<Decided> {
  const now = await decidedBy(node)
  if (now.term === since.term) expect(now.entries).toBe(since.entries)
  return now.term === since.term ? since : atRest(node)
}
