import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { Era, LoadOptions, LoadResult } from './call/load.ts'
import { callSubjects, type CallSubject, type Running } from './call/subjects.ts'
import { alternating, atLeast, atMost, type Bench, type BenchContext, medians } from './lib/bench.ts'
import { runForJson } from './lib/processes.ts'

const loadGenerator = fileURLToPath(new URL('./call/load.ts', import.meta.url))

const IN_FLIGHT = 32
/** A first look at how fast a subject is; one of them starts a process for each call. */
const LOOK_CALLS = 100
/** Nothing of this is counted. After 3 s the hot paths of three processes are not yet compiled (2,800 calls/s, then 3,800). */
const WARM_UP_S = 8
/** A measurement lasts about so long, from what came before it. */
const MEASURE_S = 5
/** The server writes its count within 50 ms of a call; this is more than enough on a busy machine. */
const COUNT_TIMEOUT_MS = 5_000
const POLL_MS = 20

type Figures = Record<string, number>

/** Adds up what the server's processes counted; waits for the last count to be written. */
async function countedCalls(folder: string, expected: number): Promise<number> {
  const sum = (): number =>
    readdirSync(folder).reduce((total, file) => total + Number(readFileSync(`${folder}/${file}`, 'utf8')), 0)
  const until = performance.now() + COUNT_TIMEOUT_MS
  while (sum() !== expected && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  return sum()
}

async function measureEra(subject: CallSubject, era: Era, context: BenchContext, key: string): Promise<Figures> {
  const counts = `${context.folder}/${key}-counts`
  mkdirSync(counts)
  let running: Running | undefined
  try {
    running = await subject.start(`${context.folder}/${key}`, counts)
    let from = 0
    const load = async (inFlight: number, amount: number): Promise<LoadResult> => {
      const options: LoadOptions = { url: running?.url ?? '', tool: running?.tool ?? '', era, inFlight, amount, from }
      from += amount
      const result = (await runForJson([loadGenerator, JSON.stringify(options)])) as LoadResult
      const { answered, wrong, errors } = result
      if (answered !== amount || wrong > 0 || errors > 0) {
        throw new Error(
          `${subject.name} (${era}): of ${amount} calls ${answered} were answered, ${wrong} wrongly, ${errors} failed`,
        )
      }
      return result
    }
    const measure = async (inFlight: number): Promise<LoadResult> => {
      const look = await load(inFlight, LOOK_CALLS)
      const warm = await load(inFlight, Math.max(LOOK_CALLS, Math.round(look.requestsPerSecond * WARM_UP_S)))
      return load(inFlight, Math.max(LOOK_CALLS, Math.round(warm.requestsPerSecond * MEASURE_S)))
    }
    const many = await measure(IN_FLIGHT)
    const alone = await measure(1)
    const counted = await countedCalls(counts, from)
    if (counted !== from) throw new Error(`${subject.name} (${era}): ${from} calls were made, the server counted ${counted}`)
    return {
      [`calls/s at ${IN_FLIGHT} in flight`]: many.requestsPerSecond,
      [`p50 ms at ${IN_FLIGHT}`]: many.p50Ms,
      [`p99 ms at ${IN_FLIGHT}`]: many.p99Ms,
      'calls/s alone': alone.requestsPerSecond,
      'p50 ms alone': alone.p50Ms,
      'p99 ms alone': alone.p99Ms,
    }
  } finally {
    await running?.stop()
  }
}

export const callBench: Bench = {
  name: 'call',
  title: 'A read-only tool call over Streamable HTTP: in at node a, tool at node b',
  async run(context) {
    const variants = Object.values(callSubjects).flatMap((subject) => subject.eras.map((era) => ({ subject, era })))
    const rounds = new Map<string, Figures[]>(variants.map(({ subject, era }) => [`${subject.name} (${era})`, []]))
    for (let round = 0; round < context.rounds; round++) {
      for (const { subject, era } of alternating(variants, round)) {
        const name = `${subject.name} (${era})`
        const key = `${round}-${name.replaceAll(/\W+/g, '-')}`
        const figures = await measureEra(subject, era, context, key)
        rounds.get(name)?.push(figures)
        context.say(
          `round ${round + 1}: ${name}: ${JSON.stringify(figures, (_key, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value))}`,
        )
      }
    }
    const subjects = [...rounds].map(([name, all]) => ({ name, figures: medians(all) }))
    const figure = (name: string, what: string): number =>
      subjects.find((subject) => subject.name === name)?.figures[what] ?? Number.NaN
    const many = `calls/s at ${IN_FLIGHT} in flight`
    const ours = figure('vsmcp, two nodes (modern)', many)
    const bestOf = (name: string): number =>
      Math.max(
        ...[`${name} (modern)`, `${name} (legacy)`].map((row) => figure(row, many)).filter((value) => !Number.isNaN(value)),
      )
    const direct = 'SDK server, direct (modern)'
    return {
      subjects,
      targets: [
        atLeast('throughput at 32 in flight, ours ÷ direct', ours / figure(direct, many), 1.5),
        atMost(
          'p50 alone, ours ÷ direct',
          figure('vsmcp, two nodes (modern)', 'p50 ms alone') / figure(direct, 'p50 ms alone'),
          1.3,
        ),
        atLeast('throughput at 32 in flight, ours ÷ mcp-proxy in its better era', ours / bestOf('mcp-proxy'), 3),
        atLeast('throughput at 32 in flight, ours ÷ supergateway in its better era', ours / bestOf('supergateway'), 3),
      ],
      notes: [
        'Every call asks something else and every answer is compared; the count of the tool’s server equals the client’s in every row.',
        'Each subject is started afresh for each round, alone on the machine but for the load generator (autocannon, a process of its own).',
      ],
    }
  },
}
