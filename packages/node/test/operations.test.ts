import { describe, expect, it } from 'vitest'
import { startGroup } from './support/group.ts'
import { attach } from './support/servers.ts'

const params = (ms: number): string => JSON.stringify({ name: 'tool', arguments: { ms } })

describe('operations', () => {
  it('measures its units, and tells the group with an account of each caller', async () => {
    const [a, b] = await startGroup(2)
    if (a === undefined || b === undefined) throw new Error('two nodes were started')
    await a.units.attach(attach('u', 'hostile-server', ['slow']))
    await expect.poll(() => b.catalog.units.map(({ unit }) => unit)).toEqual(['u'])
    // A Node.js process takes more than ten MiB; other systems do not say.
    const memory = await a.guard.memory()
    if (process.platform === 'linux') expect(memory.get('u')).toBeGreaterThan(10 * 1_024 * 1_024)
    // What is measured from here on is one window.
    await a.operations.stop()
    a.operations.report()
    const ask = { method: 'tools/call', target: 'u__tool', deadlineMs: 20_000, signal: new AbortController().signal } as const
    const request = { ...ask, onNotification: () => {} }
    await b.router.request({ ...request, paramsJson: params(30) })
    await b.router.request({ ...request, paramsJson: params(30) })
    await a.router.request({ ...request, paramsJson: params(30) })
    a.operations.report()
    const figures = a.operations.figuresOf('u')
    expect(figures).toMatchObject({ calls: 3, answered: 3, errors: 0, inFlight: 0 })
    // At most one of 30 ms at a time.
    expect(figures?.capability).toBeLessThanOrEqual(1_000 / 30)
    expect(figures?.actuality).toBeLessThan(figures?.capability ?? 0)
    // Gossip may lose one; the next says the same.
    await expect
      .poll(() => {
        a.operations.report()
        const callers = b.operations.reportOf('u', a.peer)?.measured?.callers ?? []
        return Object.fromEntries(callers.map(({ node, answered, refused }) => [node, [answered, refused]]))
      })
      .toEqual({ [a.peer]: [1, 0], [b.peer]: [2, 0] })
    expect(b.reportJudge.refused.get(a.peer)?.contradictory ?? 0).toBe(0)
  })
})
