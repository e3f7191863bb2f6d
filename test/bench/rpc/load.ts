/** The calling process: measures one subject and prints the figures as one line of JSON. */
import { multiaddr } from '../../../packages/mesh/test/support/raw.ts'
import { benchMesh } from './bench-mesh.ts'
import { callByStream, rawNode } from './stream-per-call.ts'

export interface RpcLoadOptions {
  subject: 'plane' | 'stream-per-call'
  peer: string
  addresses: string[]
  payloadBytes: number
  inFlight: number
  warmUpMs: number
  measureMs: number
}

export interface RpcLoadResult {
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
}

type Call = (payload: Uint8Array) => Promise<number>

async function open({ subject, peer, addresses }: RpcLoadOptions): Promise<{ call: Call; stop: () => Promise<void> }> {
  if (subject === 'plane') {
    const mesh = await benchMesh([])
    await mesh.dial(addresses, { expect: peer })
    const call: Call = async (payload) => (await mesh.rpc.call(peer, 'echo', payload, { deadlineMs: 10_000 })).byteLength
    return { call, stop: () => mesh.stop() }
  }
  const node = await rawNode()
  const connection = await node.dial(addresses.map((address) => multiaddr(address)))
  return {
    call: (payload) => callByStream(connection, payload),
    stop: async () => {
      await node.stop()
    },
  }
}

/** Keeps `inFlight` calls going for a while. @returns the latency of each */
async function drive(call: Call, { payloadBytes, inFlight }: RpcLoadOptions, forMs: number): Promise<number[]> {
  const latencies: number[] = []
  const until = performance.now() + forMs
  const worker = async (): Promise<void> => {
    const payload = new Uint8Array(payloadBytes)
    for (let now = performance.now(); now < until;) {
      const answered = await call(payload)
      if (answered !== payloadBytes) throw new Error(`${answered} bytes came back instead of ${payloadBytes}`)
      const done = performance.now()
      latencies.push(done - now)
      now = done
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return latencies
}

async function load(options: RpcLoadOptions): Promise<RpcLoadResult> {
  const { call, stop } = await open(options)
  await drive(call, options, options.warmUpMs)
  const started = performance.now()
  const latencies = await drive(call, options, options.measureMs)
  const seconds = (performance.now() - started) / 1_000
  await stop()
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { requestsPerSecond: latencies.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

if (import.meta.main) console.log(JSON.stringify(await load(JSON.parse(process.argv[2] ?? '{}') as RpcLoadOptions)))
