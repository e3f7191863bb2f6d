import { expect, it } from 'vitest'

import { everything, meshOf, nth } from './lib/world.ts'

it('the published command simulates in a thread, and says what the node knows of itself', async () => {
  const { nodes } = await meshOf('a')
  const a = nth(nodes, 0)
  await a.vsmcp('attach', 'kit', '--', ...everything)
  for (let i = 0; i < 3; i++) await a.vsmcp('call', 'kit__echo', '--args', '{"message":"x"}')
  const future = (await a.vsmcp('whatif', '--demand', 'x2', '--slow', 'kit=x3', '--seed', '7')) as {
    units: { unit: string; now: Figures; later: Figures }[]
  }
  const [unit] = future.units
  expect(unit).toMatchObject({ unit: 'kit', now: { refused: { mean: 0 } } })
  expect(unit?.later.latencyP50Ms.mean).toBeGreaterThan(2 * (unit?.now.latencyP50Ms.mean ?? Number.POSITIVE_INFINITY))
  expect(await a.vsmcp('self')).toMatchObject({ identity: { node: 'a' }, variety: { node: { calls: 3, outcomes: { ok: 3 } } } })
  expect(await a.vsmcp('forecast')).toMatchObject({ tickMs: 5_000, nodeName: 'a' })
}, 60_000)

interface Figures {
  latencyP50Ms: { mean: number }
}
