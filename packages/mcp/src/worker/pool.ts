import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { CallToolResult } from '@modelcontextprotocol/server'
import { messageOf } from '@vsmcp/kernel'
import { Piscina } from 'piscina'
import { CANCEL_GRACE_MS, THREAD_IDLE_MS, WAITING_PER_THREAD } from './constants.ts'
import {
  definitionsSchema,
  type HostOptions,
  type WorkerOutcome,
  type WorkerCall,
  type WorkerProgress,
  type WorkerToolDefinition,
} from './contract.ts'

/** The bundle puts another address here: scripts/lib/bundle.ts. */
const THREAD = fileURLToPath(new URL('./thread.ts', import.meta.url))

/** Piscina derives the type of this list from an overload of the browsers' `postMessage`, which has none. */
const listOf = (port: MessagePort): never => [port] as never

export interface CallTold {
  signal: AbortSignal
  onProgress: (progress: WorkerProgress) => void
}

/** The threads of a worker unit. A thread that does not end when it is told to, or takes more memory than it may, is ended; another takes its place. */
export class WorkerPool {
  readonly #options: HostOptions
  readonly #pool: Piscina

  constructor(options: HostOptions) {
    const { threads, threadMemoryMb } = options
    this.#options = options
    this.#pool = new Piscina({
      filename: THREAD,
      minThreads: 1,
      maxThreads: threads,
      maxQueue: threads * WAITING_PER_THREAD,
      idleTimeout: THREAD_IDLE_MS,
      // Waiting by atomics would stop whatever the module does beside its calls.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: threadMemoryMb },
    })
    // A thread that dies without a call: the next call, or the next thread, tells.
    this.#pool.on('error', (error: unknown) => process.stderr.write(`a thread has ended: ${messageOf(error)}\n`))
  }

  /** @throws when the module cannot be loaded, or does not keep to the contract */
  async describe(): Promise<WorkerToolDefinition[]> {
    const { module } = this.#options
    return definitionsSchema.parse(await this.#pool.run({ module }, { name: 'describeTools' }))
  }

  /** @throws what the tool throws, by its message; and when its thread was ended */
  async call(tool: string, args: WorkerCall['args'], { signal, onProgress }: CallTold): Promise<CallToolResult> {
    const { module, threads } = this.#options
    if (this.#pool.queueSize >= threads * WAITING_PER_THREAD) throw new Error('too many calls wait for a thread: not executed')
    const { port1: here, port2: port } = new MessageChannel()
    const ending = new AbortController()
    let grace: NodeJS.Timeout | undefined
    const onCancel = (): void => {
      here.postMessage('cancel', [])
      grace = setTimeout(() => ending.abort(), CANCEL_GRACE_MS)
    }
    here.on('message', onProgress)
    if (signal.aborted) onCancel()
    else signal.addEventListener('abort', onCancel, { once: true })
    try {
      const call: WorkerCall = { module, tool, args, port }
      const options = { name: 'callTool', transferList: listOf(port), signal: ending.signal }
      const outcome = (await this.#pool.run(call, options)) as WorkerOutcome
      if ('failed' in outcome) throw new Error(outcome.failed)
      return JSON.parse(outcome.json) as CallToolResult
    } catch (error) {
      throw this.#explained(error)
    } finally {
      clearTimeout(grace)
      signal.removeEventListener('abort', onCancel)
      here.close()
    }
  }

  #explained(error: unknown): unknown {
    if ((error as { code?: unknown }).code !== 'ERR_WORKER_OUT_OF_MEMORY') return error
    return new Error(`it took more than the ${this.#options.threadMemoryMb} MiB that a thread may have, and was ended`, {
      cause: error,
    })
  }
}
