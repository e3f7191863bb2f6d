import { randomInteger, seededRandom } from '@vsmcp/kernel'
import { expect, test } from 'vitest'
import { openFor, temporaryDirectory } from './support/directory.ts'
import { runChild } from './support/run-child.ts'

const SEED = 20_260_728
const KILLS = 22

test(`killed by SIGKILL at any moment, a store holds all that it acknowledged and no half of a batch (${KILLS} kills, seed ${SEED})`, async () => {
  const random = seededRandom(SEED)
  const dir = await temporaryDirectory()
  for (let kill = 1; kill <= KILLS; kill++) {
    const child = runChild('write', dir)
    const acknowledged: number[] = []
    const linesBeforeKill = randomInteger(random, 1, 60)
    while (acknowledged.length < linesBeforeKill) acknowledged.push(Number((await child.lines.next()).value))
    acknowledged.push(...(await child.kill()).map(Number))
    const last = Math.max(...acknowledged)
    expect(last, `kill ${kill}`).toBeGreaterThan(0)

    const store = await openFor(dir, false)
    const stored = await store.raft.load() // checks that the log has no hole
    const end = stored?.entries.at(-1)?.index ?? 0
    expect(end, `kill ${kill}: acknowledged entries are there`).toBeGreaterThanOrEqual(last)
    expect(stored?.hardState, `kill ${kill}: hard state and last entry come from one save`).toEqual({
      term: end,
      vote: `voter-${end}`,
      commit: end - 1,
    })
    for (let lane = 0; lane < 8; lane++) {
      const [left, right] = await Promise.all(['left', 'right'].map((side) => store.kv('pairs').get(`${side}-${lane}`)))
      expect(right, `kill ${kill}: both keys of a batch or none`).toEqual(left)
    }
    await store.stop()
  }
})
