import { describe, expect, it } from 'vitest'
import type { VsmcpNode } from '../src/node-init.ts'
import { emptyDirectory } from './support/group.ts'
import { eventually, founded, joined, operatorAt, started } from './support/nodes.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** The policies of a node's home group, signed by the operator whose key the founder of the mesh has. */
async function setPolicies(node: VsmcpNode, founderDir: string, policies: Record<string, unknown>): Promise<void> {
  const [operator, { policyVersion: expects }] = [await operatorAt(node, founderDir), await node.control.charter()]
  await node.control.changeCharter(operator.sign({ op: 'policy:set', policies, expects, ...why } as const))
}

const directed = async (node: VsmcpNode, unit: string) =>
  (await node.control.units()).find(({ name }) => name === unit)?.work?.directed ?? null

describe('what a group holds those below it to', () => {
  it('binds the units of a child, is measured there and told above; what contradicts the child is refused and hurts; a child cut off goes on by it', async () => {
    const rootDir = await emptyDirectory()
    const a = await founded('a', rootDir)
    const eu = await a.control.createGroup({ path: 'eu' })
    const b = await joined(a, 'b', '/eu')
    const { dataDir } = (await b.control.status()).node
    await b.control.attach(attach('inner', 'legacy-server', [], { terms: { concurrency: 8 } }))

    await setPolicies(a, rootDir, {
      below: [
        { group: 'eu', concurrencyMax: 2, never: ['exec*'], reason: 'the line is slow' },
        { group: 'us', weightMax: 1 },
      ],
    })
    await eventually(() => directed(b, 'inner')).toMatchObject({ concurrency: 2 })
    const seen = async () => (await a.control.group(eu.id)).told?.followed.map(({ id, state }) => `${id} ${state}`)
    await eventually(seen).toEqual(['2-0-never met', '2-0-concurrency met'])
    expect((await b.control.group('/eu')).heldTo).toMatchObject([
      { id: '2-0-never', by: 'root', order: 'never seek exec*', reason: 'the line is slow', refused: null },
      { id: '2-0-concurrency', by: 'root', order: 'no unit has more than 2 calls in work', refused: null },
    ])

    // The child keeps its unit: nobody above takes anything from it.
    await setPolicies(b, rootDir, { identity: { name: 'eu', purpose: 'makes things', keep: ['inner'] } })
    await setPolicies(a, rootDir, { below: [{ group: '*', quarantine: ['inner'] }] })
    await eventually(() => directed(b, 'inner')).toBeNull()
    const refused = async () => (await a.control.group(eu.id)).told?.followed
    await eventually(refused).toMatchObject([
      { id: '3-0-quarantine', state: 'refused', reason: expect.stringContaining('the identity keeps inner') as string },
    ])
    await eventually(async () => (await b.control.alerts({ all: false })).map(({ subject }) => subject).join()).toContain(
      'directive 3-0-quarantine of a group above is not obeyed',
    )

    // Cut off, and begun anew: what it was told last holds to its end.
    await setPolicies(a, rootDir, { below: [{ group: '*', concurrencyMax: 3 }] })
    await eventually(() => directed(b, 'inner')).toMatchObject({ concurrency: 3 })
    for (const node of [b, a]) await node.stop()
    const alone = await started(dataDir)
    expect((await alone.control.group('/eu')).heldTo).toMatchObject([{ id: '4-0-concurrency' }])
    await eventually(() => directed(alone, 'inner')).toMatchObject({ concurrency: 3 })
  })

  it('is refused with the place where it cannot be read', async () => {
    const rootDir = await emptyDirectory()
    const a = await founded('a', rootDir)
    await expect(setPolicies(a, rootDir, { below: [{ group: 'eu' }] })).rejects.toMatchObject({
      code: 'VSMCP_NODE_POLICY_INVALID',
      message: expect.stringContaining('below.0: orders nothing') as string,
    })
  })
})
