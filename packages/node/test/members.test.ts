import { type Clock, seededRandom, silentLogger } from '@vsmcp/kernel'
import type { Mesh } from '@vsmcp/mesh'
import type { VerifiedPassport } from '@vsmcp/security'
import { describe, expect, it } from 'vitest'
import { UNLISTED_GRACE_MS } from '../src/constants.ts'
import { Members } from '../src/members/members.ts'

type Listener = (event: { peer: string; info: { passport: { addresses: string[] } } }) => void

/** Members over a mesh that only says who connects, and a clock that goes when told. */
async function membersOf(isListed: (peer: string) => boolean) {
  let now = 0
  let timers: { atMs: number; fn: () => void }[] = []
  const clock: Clock = {
    wallMs: () => now,
    monotonicMs: () => now,
    after(delayMs, fn) {
      const timer = { atMs: now + delayMs, fn }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter((each) => each !== timer)) }
    },
    every: () => ({ cancel: () => {} }),
  }
  const pass = (ms: number): void => {
    const until = now + ms
    for (;;) {
      const [next] = timers.filter(({ atMs }) => atMs <= until).toSorted((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      timers = timers.filter((each) => each !== next)
      now = next.atMs
      next.fn()
    }
    now = until
  }
  const listeners = new Map<string, Listener>()
  const hungUp: string[] = []
  const mesh = {
    peerId: 'self',
    on: (event: string, listener: Listener) => {
      listeners.set(event, listener)
      return () => {}
    },
    hangUp: async (peer: string) => void hungUp.push(peer),
    dial: () => new Promise(() => {}),
  } as unknown as Mesh<VerifiedPassport>
  const members = new Members({ mesh, isListed, clock, random: seededRandom(1), logger: silentLogger })
  await members.start()
  const connect = (peer: string): void => listeners.get('peer:up')?.({ peer, info: { passport: { addresses: [] } } })
  return { members, hungUp, connect, pass }
}

describe('a connected peer with a good credential', () => {
  it('that no docket lists is let go after a while, and not dialed again', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => false)
    connect('gone-long-ago')
    pass(UNLISTED_GRACE_MS - 1)
    expect(hungUp).toEqual([])
    pass(1)
    expect(hungUp).toEqual(['gone-long-ago'])
    expect(members.get('gone-long-ago')).toBeUndefined()
  })

  it('that the docket lists in time stays', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => false)
    connect('newcomer')
    members.reconcile([{ peer: 'newcomer', addresses: [] }])
    pass(10 * UNLISTED_GRACE_MS)
    expect(hungUp).toEqual([])
    expect(members.get('newcomer')?.state).toBe('alive')
  })

  it('stays while nobody can know better, and is looked at again', async () => {
    let isKnown = false
    const { hungUp, connect, pass } = await membersOf(() => !isKnown)
    connect('maybe')
    pass(3 * UNLISTED_GRACE_MS)
    expect(hungUp).toEqual([])
    isKnown = true
    pass(UNLISTED_GRACE_MS)
    expect(hungUp).toEqual(['maybe'])
  })
})

describe('the list of members', () => {
  it('lets go of who is on it no more, after a moment for its goodbye, but not of who was never on it', async () => {
    const { members, hungUp, connect, pass } = await membersOf(() => true)
    members.reconcile([
      { peer: 'a', addresses: [] },
      { peer: 'b', addresses: [] },
    ])
    for (const peer of ['a', 'b', 'newcomer']) connect(peer)
    members.reconcile([{ peer: 'a', addresses: [] }])
    expect(members.get('b')?.state).toBe('left')
    expect(hungUp).toEqual([])
    pass(2_000)
    expect(hungUp).toEqual(['b'])
    expect(members.get('newcomer')?.state).toBe('alive')
  })
})
