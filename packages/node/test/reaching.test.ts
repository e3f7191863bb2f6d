import { type CallOptions, type Clock, NotSentError, type Plane, systemClock } from '@vsmcp/kernel'
import { describe, expect, it } from 'vitest'
import { REACH_WAIT_MS } from '../src/constants.ts'
import { neededPeers } from '../src/members/needed-peers.ts'
import { ReachingPlane } from '../src/members/reaching-plane.ts'

describe('a call to a member that others reach', () => {
  /** Reaching takes so long by the clock, and ends connected or not. */
  function planeOf(isHearsay: boolean, tookMs: number) {
    let nowMs = 1_000
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs }
    const [called, reached]: [CallOptions[], number[]] = [[], []]
    const plane = {
      call: async (_peer: string, _method: string, _payload: Uint8Array, options: CallOptions) => {
        called.push(options)
        if (options.deadlineMs <= 0) throw new NotSentError('its deadline has passed')
        return new Uint8Array([7])
      },
    } as unknown as Plane
    const members = {
      isHearsay: () => isHearsay,
      reach: async (_peer: string, waitMs: number) => {
        reached.push(waitMs)
        nowMs += tookMs
      },
    }
    return { plane: new ReachingPlane({ plane, members, clock }), called, reached }
  }

  it('waits for the connection, and that counts against its time', async () => {
    const { plane, called, reached } = planeOf(true, 300)
    await expect(plane.call('far', 'm', new Uint8Array(), { deadlineMs: 30_000 })).resolves.toEqual(new Uint8Array([7]))
    expect(reached).toEqual([REACH_WAIT_MS])
    expect(called).toEqual([{ deadlineMs: 29_700 }])
  })

  it('waits no longer than it may take itself, and says that it was not sent when the time is over', async () => {
    const { plane, reached } = planeOf(true, 200)
    await expect(plane.call('far', 'm', new Uint8Array(), { deadlineMs: 200 })).rejects.toThrow(NotSentError)
    expect(reached).toEqual([200])
  })

  it('goes straight on where a connection stands, or nobody reaches it', async () => {
    const { plane, called, reached } = planeOf(false, 0)
    const options = { deadlineMs: 5 }
    await plane.call('near', 'm', new Uint8Array(), options)
    expect(reached).toEqual([])
    expect(called[0]).toBe(options)
  })
})

describe('who is needed', () => {
  const configuration = { voters: ['a', 'b', 'c'], outgoing: [], learners: ['d', 'e'], learnersNext: [], autoLeave: false }
  const members = ['a', 'b', 'c', 'd', 'e']
  const needed = (self: string, leader: string | undefined, changed = {}): string[] =>
    [
      ...neededPeers(
        self,
        { role: self === leader ? 'leader' : 'follower', leader, configuration: { ...configuration, ...changed } },
        members,
      ),
    ].sort()

  it('is everybody for the leader, the leader and the other voters for a voter, the leader for all others', () => {
    expect(needed('a', 'a')).toEqual(['b', 'c', 'd', 'e'])
    expect(needed('b', 'a')).toEqual(['a', 'c'])
    expect(needed('d', 'a')).toEqual(['a'])
    expect(needed('d', undefined)).toEqual([])
    expect(needed('b', undefined)).toEqual(['a', 'c'])
  })

  it('are both sets of voters while they change', () => {
    expect(needed('b', 'a', { voters: ['a', 'd', 'e'], outgoing: ['a', 'b', 'c'] })).toEqual(['a', 'c', 'd', 'e'])
  })
})
