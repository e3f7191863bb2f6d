import { isDeepStrictEqual } from 'node:util'

import { describe, expect, it } from 'vitest'

import { everything, failure, memory, meshOf, nth, statusOf } from './lib/world.ts'

const node = process.execPath

describe('attaching a server', () => {
  it('that does not start fails with the reason, leaves nothing behind, and the node goes on', async () => {
    const { nodes } = await meshOf('a')
    const a = nth(nodes, 0)
    const missing = await failure(a.dataDir, 'attach', 'one', '--', '/no/such/command')
    expect(missing.exit).toBe(1)
    expect(missing.error.message).toContain('/no/such/command')
    const exits = await failure(
      a.dataDir,
      'attach',
      'two',
      '--',
      node,
      '-e',
      'console.error("no licence found"); process.exit(3)',
    )
    expect(JSON.stringify(exits.error)).toContain('no licence found')
    const rubbish = await failure(
      a.dataDir,
      'attach',
      'three',
      '--start-timeout',
      '2s',
      '--',
      node,
      '-e',
      'setInterval(() => console.log("hello"), 50)',
    )
    expect(rubbish.exit).toBe(1)
    const hangs = await failure(
      a.dataDir,
      'attach',
      'four',
      '--start-timeout',
      '1s',
      '--',
      node,
      '-e',
      'setInterval(() => {}, 1000)',
    )
    expect(hangs.error.message).toMatch(/1 s|1000|timeout|within/i)
    expect(await a.vsmcp('units')).toEqual([])
    expect((await statusOf(a)).health).not.toBe('failing')
    await a.vsmcp('attach', 'one', '--', ...memory)
  }, 60_000)

  it('again is unchanged; a different one needs --replace; elsewhere the owner is named', async () => {
    const { nodes } = await meshOf('a', 'b')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    expect(await a.vsmcp('attach', 'kit', '--', ...memory)).toMatchObject({ outcome: 'attached' })
    expect(await a.vsmcp('attach', 'kit', '--', ...memory)).toMatchObject({ outcome: 'unchanged' })
    expect((await failure(a.dataDir, 'attach', 'kit', '--', ...everything)).error.hint).toContain('--replace')
    expect(await a.vsmcp('attach', 'kit', '--replace', '--', ...everything)).toMatchObject({ outcome: 'replaced' })
    await b.vsmcp('wait', '--tool', 'kit__echo', '--timeout', '30s')
    expect((await failure(b.dataDir, 'attach', 'kit', '--', ...memory)).error.message).toContain('a')
    expect((await failure(b.dataDir, 'detach', 'kit')).error.message).toContain('the node a')
    await a.vsmcp('detach', 'kit')
    await expect.poll(() => b.vsmcp('units')).toEqual([])
  }, 60_000)

  it('of the same tools twice lists the second qualified, the same on all nodes, and no bare name moves', async () => {
    const { nodes } = await meshOf('a', 'b')
    const [a, b] = [nth(nodes, 0), nth(nodes, 1)]
    await a.vsmcp('attach', 'first', '--', ...memory)
    await b.vsmcp('wait', '--tool', 'read_graph', '--timeout', '30s')
    await b.vsmcp('attach', 'second', '--', ...memory)
    await a.vsmcp('wait', '--tool', 'second__read_graph', '--timeout', '30s')
    const names = async (at: typeof a): Promise<string[]> =>
      ((await at.vsmcp('tools')) as { name: string }[]).map(({ name }) => name)
    await expect.poll(async () => isDeepStrictEqual(await names(a), await names(b))).toBe(true)
    const tools = (await b.vsmcp('tools')) as { name: string; unit: string }[]
    expect(tools.find(({ name }) => name === 'read_graph')?.unit).toBe('first')
    expect(tools.filter(({ unit }) => unit === 'second').every(({ name }) => name.startsWith('second__'))).toBe(true)
  }, 60_000)
})
