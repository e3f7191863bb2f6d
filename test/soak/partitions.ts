import { setTimeout as sleep } from 'node:timers/promises'

import { type Random, randomInteger, seededRandom } from '../../packages/kernel/src/index.ts'
import { whyNoNamespaces } from '../netns/namespaces.ts'
import { audit } from '../partitions/lib/checks.ts'
import { codeOf, DOCUMENTED } from '../partitions/lib/documented.ts'
import { befall, type Fault, schedule } from '../partitions/lib/faults.ts'
import { type Name, NAMES, PartitionMesh } from '../partitions/lib/mesh.ts'

export interface PartitionSoakInit {
  rounds: number
  seed: number
}

/** Between two decisions, or two questions, of one asker, milliseconds. */
const ASK_PAUSE_MS = 200
const ASKERS = 2
/** Acknowledged invitations that stay open to be looked up again after every round. */
const INVITATIONS_KEPT = 300

/**
 * The partition suite's mesh and checks, with faults drawn from a seed, up to three at a time and one upon the other. Besides
 * what the suite checks after every round: a list that must be current, asked of any node at any time, holds every decision
 * acknowledged before it was asked for, or is refused with a documented error.
 */
export async function partitionSoak({ rounds, seed }: PartitionSoakInit): Promise<number> {
  const why = await whyNoNamespaces((line) => console.log(line))
  if (why !== undefined) {
    console.log(`partitions: skipped, ${why}`)
    return 0
  }
  const random = seededRandom(seed)
  console.log(`partitions: ${rounds} rounds, seed ${seed}`)
  const mesh = await PartitionMesh.start()
  const heals: number[] = []
  const asked: Record<string, number> = {}
  try {
    for (let round = 1; round <= rounds; round++) {
      await mesh.settled()
      const faults = schedule(random, mesh.whyNoDisk === undefined)
      console.log(`round ${round}: ${faults.map(describe).join('; ')}`)
      const running = { on: true }
      const askers = Array.from({ length: ASKERS }, () =>
        keepAsking(mesh, seededRandom(randomInteger(random, 0, 2 ** 31)), running, asked),
      )
      // An asker's complaint ends the round at once.
      await Promise.race([Promise.all(faults.map((fault) => befall(mesh, fault))), Promise.all(askers)])
      const mendedAt = performance.now()
      await mesh.mend()
      const { tookMs } = await mesh.settled()
      running.on = false
      await Promise.all(askers)
      heals.push(performance.now() - mendedAt)
      await mesh.settled()
      const found = await audit(mesh)
      await mesh.ledger.prune(INVITATIONS_KEPT, mesh.api(NAMES[0]))
      console.log(`round ${round}: well again in ${tookMs.toFixed(0)} ms; ${JSON.stringify(found)}`)
    }
    heals.sort((a, b) => a - b)
    console.log(
      JSON.stringify({
        rounds,
        seed,
        ...(await audit(mesh)),
        asked,
        healMedianMs: Math.round(heals[Math.floor(heals.length / 2)] ?? 0),
        healWorstMs: Math.round(heals.at(-1) ?? 0),
      }),
    )
    return 0
  } catch (error) {
    console.error(error)
    console.error(`replay: pnpm soak partitions ${rounds} ${seed}`)
    await mesh.keepLogs()
    return 1
  } finally {
    await mesh.close()
  }
}

function describe({ kind, afterMs, forMs, ...what }: Fault): string {
  return `${kind} ${JSON.stringify(Object.values(what))} after ${afterMs} for ${forMs} ms`
}

/** Decisions and questions at any node, well or not. */
async function keepAsking(
  mesh: PartitionMesh,
  random: Random,
  running: { on: boolean },
  counts: Record<string, number>,
): Promise<void> {
  while (running.on) {
    const name = NAMES[randomInteger(random, 0, NAMES.length - 1)] ?? 'a'
    const what = QUESTIONS[randomInteger(random, 0, QUESTIONS.length - 1)] ?? 'current list'
    const outcome = await ask(mesh, name, what).catch((error: unknown) => {
      const code = codeOf(error)
      if (!DOCUMENTED.has(code)) throw error
      return code
    })
    const key = `${what}: ${outcome}`
    counts[key] = (counts[key] ?? 0) + 1
    await sleep(ASK_PAUSE_MS)
  }
}

const QUESTIONS = ['invitation', 'policy', 'current list', 'current list'] as const

async function ask(mesh: PartitionMesh, name: Name, what: (typeof QUESTIONS)[number]): Promise<string> {
  if (what === 'current list') {
    const missing = await mesh.ledger.missingAt(mesh.api(name))
    if (missing.length > 0) throw new Error(`${name} answered with a list that was not current: it lacks ${missing.join(', ')}`)
    return 'answered'
  }
  if (what === 'policy') await mesh.ledger.setPolicy(name, mesh.api(name))
  else await mesh.ledger.invite(name, mesh.api(name))
  return 'acknowledged'
}
