import { describe, expect, it } from 'vitest'
import type { VsmcpNode } from '../src/node-init.ts'
import type { GroupView } from '../src/seats/contract.ts'
import { emptyDirectory } from './support/group.ts'
import { eventually, founded, joined, operatorAt, started } from './support/nodes.ts'
import { why } from './support/operator.ts'
import { attach } from './support/servers.ts'

/** The policies of a node's home group, signed by the operator whose key the founder of the mesh has. */
async function setPolicies(node: VsmcpNode, founderDir: string, policies: Record<string, unknown>): Promise<void> {
  const [operator, { policyVersion: expects }] = [await operatorAt(node, founderDir), await node.control.charter()]
  await node.control.changeCharter(operator.sign({ op: 'policy:set', policies, expects, ...why } as const))
}

const workOf = async (node: VsmcpNode, unit: string) => (await node.control.units()).find(({ name }) => name === unit)?.work

const directed = async (node: VsmcpNode, unit: string) => (await workOf(node, unit))?.directed ?? null

interface ParentAndChild {
  a: VsmcpNode
  b: VsmcpNode
  eu: GroupView
  /** Data directories, of each. */
  rootDir: string
  dir: string
}

/** A group of one node, that node being in the one above, too, and another one that is at home in the group. */
async function parentAndChild(): Promise<ParentAndChild> {
  const rootDir = await emptyDirectory()
  const a = await founded('a', rootDir)
  const eu = await a.control.createGroup({ path: 'eu' })
  const b = await joined(a, 'b', '/eu')
  return { a, b, eu, rootDir, dir: (await b.control.status()).node.dataDir }
}

describe('what a group holds those below it to', () => {
  it('binds the units of a child, is measured there and told above; what contradicts the child is refused and hurts; a child cut off goes on by it', async () => {
    const { a, b, eu, rootDir, dir } = await parentAndChild()
    await b.control.attach(attach('inner', 'legacy-server', [], { terms: { concurrency: 8 } }))
    // What it is held to is shown before anything is measured.
    expect(await workOf(b, 'inner')).toMatchObject({ directed: null, capability: null })

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

    // The child keeps its unit: nobody above takes anything from it. What hurts a node hurts the group at once.
    const identity = { name: 'eu', purpose: 'makes things', keep: ['inner'] }
    await setPolicies(b, rootDir, { identity, alertTerms: { node: { high: '1ms' } } })
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
    const alone = await started(dir)
    expect((await alone.control.group('/eu')).heldTo).toMatchObject([{ id: '4-0-concurrency' }])
    await eventually(() => directed(alone, 'inner')).toMatchObject({ concurrency: 3 })
  })

  it('stops a unit below, in a new life from its first call on, and asks of all what they owe; what binds the group itself binds those below', async () => {
    const { a, b, eu, rootDir, dir } = await parentAndChild()
    for (const name of ['inner', 'other']) await b.control.attach(attach(name, 'hostile-server', ['slow']))
    const call = (node: VsmcpNode, tool: string) => node.control.call({ tool, args: { ms: 5 }, timeoutMs: 20_000 })
    for (const tool of ['inner__tool', 'other__tool']) await b.control.wait({ tool, timeoutMs: 30_000 })
    await expect(call(b, 'inner__tool')).resolves.toMatchObject({ isError: false })

    await setPolicies(a, rootDir, {
      identity: { name: 'the mesh', purpose: 'runs tools', never: ['exec*'] },
      system5: { weightMax: 4 },
      below: [{ group: 'eu', stop: ['inner'], target: { p99: '1ms' }, reason: 'it leaks' }],
    })
    await eventually(() => directed(b, 'inner')).toMatchObject({ stopped: true, concurrency: 0 })
    const stopped = { code: 'VSMCP_NODE_UNIT_STOPPED', message: expect.stringContaining('it leaks') as string }
    await expect(call(b, 'inner__tool')).rejects.toMatchObject(stopped)
    // What is stopped is that unit, and that group's.
    await expect(call(b, 'other__tool')).resolves.toMatchObject({ isError: false })
    const owed = async () => (await b.control.units()).find(({ name }) => name === 'other')?.work?.grant
    await eventually(owed).toMatchObject({ owedP99Ms: 1 })
    expect((await b.control.group('/eu')).heldTo).toMatchObject([
      { id: '2-identity-never', order: 'never seek exec*', refused: null },
      { id: '2-identity-ceiling', order: 'no unit is given more than a weight of 4', refused: null },
      { id: '2-0-target', order: 'each unit owes a p99 of 1 ms at the most' },
      { id: '2-0-stop', order: 'inner: not called' },
    ])
    const seen = async () => (await a.control.group(eu.id)).told?.followed.find(({ id }) => id === '2-0-stop')
    await eventually(seen).toMatchObject({ state: 'met', reason: 'none is called' })
    // Laxer policies of its own are taken, and give it nothing.
    await expect(setPolicies(b, rootDir, { system5: { weightMax: 8 } })).resolves.toBeUndefined()

    await b.stop()
    const again = await started(dir)
    await again.control.wait({ tool: 'inner__tool', timeoutMs: 30_000 })
    await expect(call(again, 'inner__tool')).rejects.toMatchObject(stopped)
    await setPolicies(a, rootDir, { identity: { name: 'the mesh', purpose: 'runs tools', never: ['exec*'] } })
    const answered = () =>
      call(again, 'inner__tool').then(
        ({ isError }) => !isError,
        () => false,
      )
    await eventually(answered).toBe(true)
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
