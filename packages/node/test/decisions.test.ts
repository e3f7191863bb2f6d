import { encodeOperation } from '@vsmcp/consensus'
import {
  type DecisionLatency,
  NotSentError,
  type PeerIdString,
  RemoteError,
  seededRandom,
  systemClock,
  telemetry,
} from '@vsmcp/kernel'
import { pack } from 'msgpackr'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ASKED_BY_MEMBER_MAX } from '../src/constants.ts'
import { NoSystem5Error, RefusedError } from '../src/errors.ts'
import { Decisions } from '../src/system5/decisions.ts'
import { followersOf, invitation, leaderOf, startGroup, type TestNode, until } from './support/group.ts'

describe('decisions', () => {
  it('asked by followers while the leader dies are all made, each once, by the next leader', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    const ids = Array.from({ length: 40 }, (_, at) => `inv-${at}`)
    let seen = 0
    const died = new Promise<void>((resolve) => {
      one.log.on('entry:applied', ({ effects }) => {
        if (effects.some(({ type }) => type === 'invitation:created') && ++seen === 5) resolve(leader.stop())
      })
    })
    const asked = ids.map((id, at) => {
      const node = at % 2 === 0 ? one : other
      return node.decisions.decide(invitation(node, id))
    })
    const decided = await Promise.all(asked)
    await died
    expect(decided.every(({ ok }) => ok)).toBe(true)
    const state = await one.decisions.current()
    expect(state.invitations.keys().toSorted()).toEqual(expect.arrayContaining(ids.toSorted()))
    await until(other, () => other.log.applied >= one.log.applied)
    expect(other.log.state?.invitations.keys()).toEqual(one.log.state?.invitations.keys())
    await until(one, () => [one.peer, other.peer].includes(one.log.status()?.leader ?? ''))
  })

  it('go to the next leader at once when the last one has been replaced before its answer comes', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one] = followersOf(nodes)
    // Whoever waits for time here waits for ever.
    const clock = { ...systemClock, after: () => ({ cancel() {} }) }
    const control = { ...one.control, handle() {}, onNotice() {} }
    const asked: PeerIdString[] = []
    let next: PeerIdString | undefined
    const ask = async (whom: PeerIdString): Promise<string> => {
      asked.push(whom)
      if (asked.length > 1) return 'done'
      leader.log.handOver()
      await until(one, () => ![undefined, leader.peer].includes(one.log.status()?.leader))
      next = one.log.status()?.leader
      throw new NotSentError('the leader hands over')
    }
    const decisions = new Decisions({ log: one.log, control, self: one.peer, clock })
    expect(await decisions.atLeader(5_000, () => ask(one.peer), ask)).toBe('done')
    expect(asked).toEqual([leader.peer, next])
  })

  it('that the group refuses come back with the reason, and say how long they took', async () => {
    const nodes = await startGroup(3)
    const [one] = followersOf(nodes)
    const heard: DecisionLatency[] = []
    onTestFinished(telemetry('vsmcp:decision:latency').subscribe((event) => heard.push(event)))
    const asked = one.decisions.decide({ op: 'invitation:revoke', id: 'nobody-made-this' })
    await expect(asked).rejects.toThrow(RefusedError)
    await expect(asked).rejects.toMatchObject({ details: { reason: 'invitation-unknown' } })
    expect(heard.filter(({ operation }) => operation === 'invitation:revoke')).toEqual([
      { operation: 'invitation:revoke', outcome: 'refused', durationMs: expect.any(Number) as number },
    ])
  })

  it('are given up on in time without a quorum, and nothing waits behind', async () => {
    const nodes = await startGroup(3)
    const leader = leaderOf(nodes)
    const [one, other] = followersOf(nodes)
    await Promise.all([one.stop(), other.stop()])
    await expect(leader.decisions.decide(invitation(leader, 'never'), 300)).rejects.toThrow(NoSystem5Error)
  })
})

describe('what a member sends on the control plane', () => {
  const options = { deadlineMs: 20_000 }

  it('is refused when it speaks for another, or claims what only System 5 may', async () => {
    const [leader, member] = (await startGroup(2)) as [TestNode, TestNode]
    const ask = (operation: Parameters<typeof encodeOperation>[0]): Promise<Uint8Array> =>
      member.mesh.control.call(leader.peer, 'system5:decide', encodeOperation(operation), options)
    const atMs = Date.now()
    await expect(ask({ ...invitation(leader, 'forged'), author: leader.peer, atMs })).rejects.toThrow(/name the member that asks/)
    const { id } = await leader.admission.invite({ role: 'member', ttlMs: 60_000, uses: 1 })
    const intruder = '12D3KooWRejoiceNobodyHasThisKey11111111111111111111'
    const redeem = { op: 'invitation:redeem', id, peer: intruder, name: 'x', author: member.peer, atMs } as const
    await expect(ask(redeem)).rejects.toThrow(/for System 5 to propose/)
    const link = { op: 'link:add', index: 3, certificate: 'AAAA', author: member.peer, atMs } as const
    await expect(ask(link)).rejects.toThrow(/for System 5 to propose/)
    expect(leader.log.state?.members.size).toBe(2)
    expect(leader.log.state?.invitations.get(id)?.used).toBe(0)
  })

  it('is dated by the clock of System 5, whatever the member says', async () => {
    const [leader, member] = (await startGroup(2)) as [TestNode, TestNode]
    const declared = { cron: '@daily', timezone: 'UTC', tool: 'x', argsJson: '{}', missed: 'skip', idempotent: false } as const
    const schedule = { op: 'schedule:add', name: 'job', ...declared, timeoutMs: 60_000 } as const
    const begunMs = Date.now()
    const proposal = encodeOperation({ ...schedule, author: member.peer, atMs: Date.UTC(9999, 0) })
    await member.mesh.control.call(leader.peer, 'system5:decide', proposal, { deadlineMs: 10_000 })
    const { decidedToMs = 0 } = leader.log.state?.schedules.get('job') ?? {}
    expect(decidedToMs).toBeGreaterThanOrEqual(begunMs)
    expect(decidedToMs).toBeLessThanOrEqual(Date.now())
  })

  it('takes only its share of what is undecided while there is no quorum, so that others are heard', async () => {
    const [leader, one, other] = (await startGroup(3)) as [TestNode, TestNode, TestNode]
    // What each has to propose of itself is done.
    await until(leader, () => leader.log.state?.members.entries().every(([, { addresses }]) => addresses.length > 0) === true)
    const proposing = vi.spyOn(leader.log, 'propose').mockReturnValue(new Promise(() => {}))
    // System 5 has things of its own to propose at any time.
    const asks = (): number => proposing.mock.calls.filter(([{ op }]) => op === 'invitation:create').length
    onTestFinished(() => proposing.mockRestore())
    const ask = (member: TestNode, id: string): Promise<Uint8Array> => {
      const operation = encodeOperation({ ...invitation(member, id), author: member.peer, atMs: Date.now() })
      return member.mesh.control.call(leader.peer, 'system5:decide', operation, { deadlineMs: 20_000 })
    }
    for (let i = 0; i < ASKED_BY_MEMBER_MAX; i++) ask(one, `i-${i}`).catch(() => {})
    await expect.poll(asks).toBe(ASKED_BY_MEMBER_MAX)
    await expect(ask(one, 'more')).rejects.toMatchObject({ remoteCode: 'VSMCP_BUSY' })
    ask(other, 'theirs').catch(() => {})
    await expect.poll(asks).toBe(ASKED_BY_MEMBER_MAX + 1)
  })

  it('gets an error when it is garbage, whatever the method, and the node goes on', async () => {
    const [leader, member] = (await startGroup(2)) as [TestNode, TestNode]
    const seed = 7
    const random = seededRandom(seed)
    const deep = (depth: number): unknown => (depth === 0 ? null : [deep(depth - 1)])
    const garbage = [
      new Uint8Array(),
      pack(null),
      pack(deep(400)),
      pack({ op: 'unit:claim', author: member.peer }),
      pack([undefined, 7, {}]),
      ...Array.from({ length: 20 }, (_, at) => Uint8Array.from({ length: 1 + 13 * at }, () => Math.floor(random.next() * 256))),
    ]
    const methods = ['system5:decide', 'system5:redeem', 'system5:sign-credential', 'system5:sign-link']
    for (const method of methods) {
      for (const payload of garbage) {
        await expect(member.mesh.control.call(leader.peer, method, payload, options)).rejects.toThrow(RemoteError)
      }
    }
    for (const payload of garbage) {
      member.mesh.control.notify(leader.peer, 'raft', payload)
      await expect(member.mesh.rpc.call(leader.peer, 'mcp:request', payload, options)).rejects.toThrow(RemoteError)
    }
    await expect(member.decisions.decide(invitation(member, 'after'))).resolves.toMatchObject({ ok: true })
  })

  it('is answered only while the docket lists it', async () => {
    const [leader, member] = (await startGroup(2)) as [TestNode, TestNode]
    await member.mesh.control.call(leader.peer, 'system5:read-index', new Uint8Array(), options)
    // The connection outlives the goodbye for as long as the test takes.
    vi.spyOn(leader.mesh, 'hangUp').mockResolvedValue()
    await member.departure.leave()
    const late = member.mesh.control.call(leader.peer, 'system5:read-index', new Uint8Array(), options)
    await expect(late).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_NOT_LISTED' })
    const call = member.mesh.rpc.call(leader.peer, 'mcp:request', pack(['u', 'tools/call', '{}']), options)
    await expect(call).rejects.toMatchObject({ remoteCode: 'VSMCP_NODE_NOT_LISTED' })
  })
})
