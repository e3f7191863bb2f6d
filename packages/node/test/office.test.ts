import { describe, expect, it, vi } from 'vitest'
import { followersOf, leaderOf, joinNode, startGroup } from './support/group.ts'

describe('the office of System 5', () => {
  it('began for every node when its holder says it did, also for who comes later; with another leader it begins anew', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    await vi.waitFor(() => {
      expect(leader.office.sinceMs).toBeTypeOf('number')
      for (const { office } of nodes) expect(office.sinceMs).toBe(leader.office.sinceMs)
    }, 20_000)
    const since = leader.office.sinceMs
    const late = await joinNode(leader, 'late')
    await vi.waitFor(() => expect(late.office.sinceMs).toBe(since), 20_000)

    const [one] = followersOf(nodes)
    // Words of who does not lead, and of a term that the log does not know, count for nothing.
    const { epoch } = one.trust.chain
    const body = { leader: one.peer, term: 1, index: 1, epoch, charterDigest: '0'.repeat(64), sinceMs: 1 }
    const from = { kind: 'command', from: 'system5', to: 'system3' } as const
    const heard = new Set<string>()
    late.signals.on('policy', ({ node, body: said }) => node === one.peer && heard.add(said.leader))
    // Gossip may lose one.
    const say = (): number => {
      for (const said of [body, { ...body, leader: leader.peer }]) one.signals.say('policy', from, said)
      return heard.size
    }
    await expect.poll(say).toBe(2)
    expect(late.office.sinceMs).toBe(since)

    await leader.departure.handOver()
    await vi.waitFor(() => {
      const next = leaderOf(nodes)
      expect(next).not.toBe(leader)
      expect(next.office.sinceMs).toBeGreaterThan(since ?? 0)
      for (const { office } of [...nodes, late]) expect(office.sinceMs).toBe(next.office.sinceMs)
    }, 20_000)
  })
})
