import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { command, eventually, everything, failure, type LocalNode, meshOf, nth, statusOf } from './lib/world.ts'

interface Proposal {
  id: string
  subject: string
  state: string
  nodeName: string
  seconds: string[]
  decision: { verdict: string; by: string; clause: string; reason: string; authorName: string; latencyMs: number } | null
  closure: { outcome: string; measured: number } | null
}

const POLICIES = `
identity: { name: mill, purpose: grinds, never: ['shell*'] }
system5: { accept: { capability: false } }
`

/** The proposal about a tool, as soon as it is in that state at that node. */
const proposed = (node: LocalNode, tool: string, state: string): Promise<Proposal> =>
  eventually(`${tool} ${state} at ${node.ready.name}`, async () => {
    const all = (await node.vsmcp('proposals', '--all')) as Proposal[]
    return all.find((each) => each.subject === tool && each.state === state)
  })

it('a tool that nobody has is asked for, a person decides at another node, the tool is attached, and that is seen; what is never sought is refused', async () => {
  const { nodes, dir } = await meshOf('a', 'b', 'c')
  const [a, b, c] = [nth(nodes, 0), nth(nodes, 1), nth(nodes, 2)]
  await eventually('three voters', async () => ((await statusOf(c)).system5.voters.length === 3 ? true : undefined))
  const file = join(dir, 'policies.yaml')
  const signed = ['--operator-key', join(a.dataDir, 'operator.key'), '--reason', 'who we are']
  writeFileSync(file, 'system5: { hold: for ever }\n')
  const wrong = await failure(a.dataDir, 'policy', 'set', file, ...signed)
  expect(wrong).toMatchObject({ exit: 2, error: { code: 'VSMCP_NODE_POLICY_INVALID' } })
  expect(wrong.error.message).toContain('system5.hold: "for ever" is not a duration')
  writeFileSync(file, POLICIES)
  await a.vsmcp('policy', 'set', file, ...signed)

  for (let i = 0; i < 3; i++) {
    for (const tool of ['kit__echo', 'shell__run']) await command(b.dataDir, 'call', tool, '--timeout', '5s')
  }
  const refused = await proposed(c, 'shell__run', 'refused')
  expect(refused.decision).toMatchObject({ by: 'policy', clause: 'identity.never' })
  const waits = await proposed(c, 'kit__echo', 'person')
  expect(waits).toMatchObject({ nodeName: 'b', decision: { clause: 'policy.accept' } })
  expect(await c.vsmcp('decide', waits.id, 'accept', '--reason', 'we need it')).toMatchObject({ state: 'in-force' })
  const given = await proposed(a, 'kit__echo', 'in-force')
  expect(given.decision).toMatchObject({ by: 'person', authorName: 'c', reason: 'we need it' })
  await expect.poll(() => b.vsmcp('status')).toMatchObject({ proposals: { waiting: 0, person: 0, inForce: 1 } })

  await a.vsmcp('attach', 'kit', '--', ...everything)
  const met = await proposed(b, 'kit__echo', 'met')
  expect(met.closure).toMatchObject({ outcome: 'met', measured: 1 })
  const self = (await b.vsmcp('self')) as { identity: object; decided: { what: string; why: string }[]; balance: object }
  expect(self.identity).toMatchObject({ says: { name: 'mill', purpose: 'grinds' } })
  expect(self.decided).toContainEqual(expect.objectContaining({ what: 'capability for kit__echo: accepted', why: 'we need it' }))
  expect(self.balance).toMatchObject({ system4: { resourced: 1 } })
}, 90_000)
