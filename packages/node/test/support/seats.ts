import { type Clock, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { loadIdentity } from '@vsmcp/security'
import { onTestFinished } from 'vitest'
import { dataDirectory } from '../../src/enrol/data-directory.ts'
import { NodeSeats } from '../../src/seats/node-seats.ts'
import { initOf, type TestNode } from './group.ts'

/** What makes a node of one group one of several, begun. */
export async function seatsOf(home: TestNode, clock: Clock = systemClock): Promise<NodeSeats> {
  const seats = new NodeSeats({
    init: initOf(home.dir),
    identity: await loadIdentity(dataDirectory(home.dir).identity),
    home,
    homeLists: { members: () => [], units: async () => [], tools: () => [] },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    onEvent: () => {},
  })
  await seats.start()
  onTestFinished(() => seats.stop())
  return seats
}
