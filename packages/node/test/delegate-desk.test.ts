import { silentLogger } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { DelegateDesk, type DelegateDeskComponents } from '../src/recursion/delegate-desk.ts'

test('while nobody of the group has a seat above, nobody is asked; once somebody has, a member is asked at once', async () => {
  const taken: string[] = []
  let delegates: string[] = []
  const calls: string[] = []
  const members = ['self', 'b', 'c'].map((peer) => [peer, { role: 'member', zone: '' }] as const)
  const components = {
    group: 'plant',
    parent: () => 'us',
    self: 'self',
    founder: () => undefined,
    log: { state: { members: { entries: () => members } }, status: () => undefined },
    members: { sight: () => ({ state: 'alive', forMs: 60_000 }), isAlive: () => true, inStateForMs: () => 60_000 },
    delegates: { of: () => delegates },
    memberships: { hands: { take: async (token: string) => taken.push(token) }, get: () => undefined },
    control: {
      handle: () => {},
      call: async (peer: string, method: string) => {
        calls.push(`${method} ${peer}`)
        return Buffer.from('a token')
      },
    },
    nowMs: () => 0,
    logger: silentLogger,
  }
  const desk = new DelegateDesk(components as unknown as DelegateDeskComponents)
  // As many times as it would take to wait for every member.
  for (let at = 0; at < 4; at++) {
    await desk.work()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(calls).toEqual([])
  delegates = ['b']
  await desk.work()
  await expect.poll(() => taken.length + calls.filter((call) => call.startsWith('recursion:take-seat')).length).toBe(1)
  expect(calls[0]).toBe('recursion:invite-delegate b')
})
