import { type Clock, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { loadIdentity } from '@vsmcp/security'
import { expect, it, onTestFinished } from 'vitest'
import { dataDirectory } from '../src/enrol/data-directory.ts'
import type { Membership } from '../src/recursion/memberships.ts'
import { Founding } from '../src/seats/founding.ts'
import { Seats } from '../src/seats/seats.ts'
import { Scope } from '../src/tree/scope.ts'
import { foundMesh, initOf, type TestNode } from './support/group.ts'

/** What a node begins of itself when it starts, with its seats at hand. */
async function seatsOf(
  home: TestNode,
  clock: Clock = systemClock,
): Promise<{ seats: Seats; membership: Membership; founding: Founding }> {
  const identity = await loadIdentity(dataDirectory(home.dir).identity)
  const membership = {
    group: 'root',
    parent: undefined,
    isHome: true,
    parts: home,
    members: () => [],
    units: async () => [],
    tools: () => [],
  }
  home.memberships.began(membership)
  const logger = silentLogger
  const components = { identity, clock, logger }
  const random = seededRandom(1)
  const seats = new Seats({ ...components, init: initOf(home.dir), host: home, home, random, onEvent: () => {} })
  onTestFinished(() => seats.stop())
  return { seats, membership, founding: new Founding({ ...components, dataDir: home.dir }) }
}

it('a seat whose parts crash again and again ends by itself, and begins anew; the home group knows nothing of it', async () => {
  const home = await foundMesh('a')
  let isPoisoned = false
  // What a part of the seat does in its own time fails; its supervisor's time is another's. Not the session keys: they work in promises, and
  // what nobody hears there is the part's crash in the program alone.
  const poison = <T>(work: () => T): T => {
    const part = Scope.current()?.name
    if (isPoisoned && part !== undefined && part !== 'session keys') throw new Error('poisoned')
    return work()
  }
  const clock: Clock = {
    wallMs: () => systemClock.wallMs(),
    monotonicMs: () => poison(() => systemClock.monotonicMs()),
    after: (delayMs, fn) => poison(() => systemClock.after(delayMs, fn)),
    every: (periodMs, fn) => poison(() => systemClock.every(periodMs, fn)),
  }
  const { seats, membership, founding } = await seatsOf(home, clock)
  const group = await founding.found('eu', membership)
  await seats.open(group)
  const seat = seats.get(group)
  await expect.poll(() => seat?.parts?.log.isLeader, { timeout: 20_000 }).toBe(true)
  isPoisoned = true
  await expect.poll(() => seat?.problem, { timeout: 20_000 }).toMatch(/./)
  expect(home.memberships.get(group)).toBeUndefined()
  isPoisoned = false
  expect(home.log.isLeader).toBe(true)
  await home.decisions.decide({ op: 'group:rename', id: group, name: 'us' })
  await expect.poll(() => seat?.parts?.log.isLeader, { timeout: 20_000 }).toBe(true)
  expect(seat?.problem).toBeUndefined()
})

it('founding that was cut off goes on with the group it began, not with another', async () => {
  const home = await foundMesh('a')
  const { seats, membership, founding } = await seatsOf(home)
  const { granting } = home
  const granted = granting.grant.bind(granting)
  granting.grant = () => Promise.reject(new Error('the power failed'))
  await expect(founding.found('eu', membership)).rejects.toThrow('the power failed')
  const [[id] = ['']] = home.log.state?.groups.entries() ?? []
  granting.grant = granted
  expect(await founding.found('eu', membership)).toBe(id)
  await seats.open(id)
  await expect.poll(() => seats.get(id)?.parts?.log.isLeader, { timeout: 20_000 }).toBe(true)
  expect(home.log.state?.groups.size).toBe(1)
})
