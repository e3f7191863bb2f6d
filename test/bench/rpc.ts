import { fileURLToPath } from 'node:url'

import { alternating, atLeast, atMost, type Bench, medians } from './lib/bench.ts'
import { productionEnv, runForJson, startUntilLine, stop } from './lib/processes.ts'
import type { RpcLoadOptions, RpcLoadResult } from './rpc/load.ts'

const peerProgram = fileURLToPath(new URL('./rpc/peer.ts', import.meta.url))
const loadProgram = fileURLToPath(new URL('./rpc/load.ts', import.meta.url))

/** What a small tool call weighs as JSON. */
const PAYLOAD_BYTES = 200
const IN_FLIGHT = 256
const WARM_UP_MS = 2_000
const MEASURE_MS = 4_000
/** For the large payloads: a tool's file or picture. */
const LARGE_BYTES = 1024 * 1024

const SUBJECTS = ['plane', 'stream-per-call'] as const
type SubjectName = (typeof SUBJECTS)[number]

interface Peer {
  peer: string
  mesh: string[]
  raw: string[]
}

async function measure(subject: SubjectName, { peer, mesh, raw }: Peer): Promise<Record<string, number>> {
  const load = async (inFlight: number, payloadBytes: number): Promise<RpcLoadResult> => {
    const addresses = subject === 'plane' ? mesh : raw
    const options: RpcLoadOptions = {
      subject,
      peer,
      addresses,
      payloadBytes,
      inFlight,
      warmUpMs: WARM_UP_MS,
      measureMs: MEASURE_MS,
    }
    return (await runForJson([loadProgram, JSON.stringify(options)])) as RpcLoadResult
  }
  const many = await load(IN_FLIGHT, PAYLOAD_BYTES)
  const alone = await load(1, PAYLOAD_BYTES)
  const large = await load(4, LARGE_BYTES)
  return {
    [`requests/s at ${IN_FLIGHT} in flight`]: many.requestsPerSecond,
    [`p50 ms at ${IN_FLIGHT}`]: many.p50Ms,
    'p50 ms alone': alone.p50Ms,
    'p99 ms alone': alone.p99Ms,
    'MiB/s there and back': large.requestsPerSecond,
  }
}

export const rpcBench: Bench = {
  name: 'rpc',
  title: 'Requests between two node processes over one encrypted connection',
  async run(context) {
    const rounds = new Map<SubjectName, Record<string, number>[]>(SUBJECTS.map((subject) => [subject, []]))
    const started = await startUntilLine([peerProgram], productionEnv())
    try {
      const peer = JSON.parse(started.line) as Peer
      for (let round = 0; round < context.rounds; round++) {
        for (const subject of alternating(SUBJECTS, round)) {
          const figures = await measure(subject, peer)
          rounds.get(subject)?.push(figures)
          context.say(`round ${round + 1}, ${subject}: ${JSON.stringify(figures)}`)
        }
      }
    } finally {
      await stop(started)
    }
    const subjects = SUBJECTS.map((name) => ({ name, figures: medians(rounds.get(name) ?? []) }))
    const [ours, reference] = subjects.map(({ figures }) => figures)
    const perSecond = ours?.[`requests/s at ${IN_FLIGHT} in flight`] ?? Number.NaN
    const ratio = perSecond / (reference?.[`requests/s at ${IN_FLIGHT} in flight`] ?? Number.NaN)
    return {
      subjects,
      targets: [
        atLeast(`requests/s at ${IN_FLIGHT} in flight`, perSecond, 25_000),
        atMost('p50 alone', ours?.['p50 ms alone'] ?? Number.NaN, 0.2, ' ms'),
        atLeast('times the requests/s of a stream per call', ratio, 5),
      ],
      notes: [
        `Payloads of ${PAYLOAD_BYTES} bytes, given back by the other process; noise encryption on; loopback.`,
        `MiB/s: payloads of ${LARGE_BYTES / 2 ** 20} MiB, 4 in flight, counted once though they travel both ways.`,
      ],
    }
  },
}
