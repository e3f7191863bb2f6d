import { fileURLToPath } from 'node:url'
import { BusyError, type Startable, StoppedError, TimeoutError } from '@vsmcp/kernel'
import type { FuturesTask, StationFuture } from '@vsmcp/vsm'
import { Piscina } from 'piscina'
import { SIMULATION_DEADLINE_MS, SIMULATIONS_MAX, SIMULATIONS_QUEUED_MAX, WORKER_IDLE_MS } from './constants.ts'

/** The bundle puts another address here: scripts/lib/bundle.ts. */
const WORKER = fileURLToPath(new URL('./simulation-worker.ts', import.meta.url))

/** Threads for simulations, so that no call and no heartbeat waits for one. Made when first asked, ended when idle. */
export class Simulations implements Startable {
  #pool: Piscina<FuturesTask, StationFuture[]> | undefined
  #isStopped = false

  async start(): Promise<void> {
    this.#isStopped = false
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#pool?.destroy()
    this.#pool = undefined
  }

  /** @throws `BusyError` when too many wait, `TimeoutError` when it takes too long */
  async run(task: FuturesTask, signal?: AbortSignal): Promise<StationFuture[]> {
    if (this.#isStopped) throw new StoppedError('the node is stopping: nothing is simulated any more')
    this.#pool ??= new Piscina({
      filename: WORKER,
      name: 'simulateFutures',
      minThreads: 0,
      maxThreads: SIMULATIONS_MAX,
      maxQueue: SIMULATIONS_QUEUED_MAX,
      idleTimeout: WORKER_IDLE_MS,
    })
    if (this.#pool.queueSize >= SIMULATIONS_QUEUED_MAX) {
      throw new BusyError(`${SIMULATIONS_QUEUED_MAX} simulations wait already`, { hint: 'Ask again when one is done.' })
    }
    const deadline = AbortSignal.timeout(SIMULATION_DEADLINE_MS)
    try {
      return await this.#pool.run(task, { signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]) })
    } catch (error) {
      if (!deadline.aborted) throw error
      throw new TimeoutError(`the simulation was not done within ${SIMULATION_DEADLINE_MS / 1_000} s`, { cause: error })
    }
  }
}
