/** What runs in the threads of a worker unit: the module, loaded once for each thread. */
import { pathToFileURL } from 'node:url'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { messageOf } from '@vsmcp/kernel'
import { PROGRESS_GAP_MS } from './constants.ts'
import type { WorkerCall, WorkerContext, WorkerOutcome, WorkerProgress, WorkerTool, WorkerToolDefinition } from './contract.ts'
import { resultOf } from './result.ts'

let loaded: Promise<ReadonlyMap<string, WorkerTool>> | undefined

/** What the module says of its tools. */
export async function describeTools({ module }: Pick<WorkerCall, 'module'>): Promise<WorkerToolDefinition[]> {
  const tools = [...(await load(module)).values()]
  // A function does not travel; what else is no plain value, neither.
  return JSON.parse(JSON.stringify(tools)) as WorkerToolDefinition[]
}

/** What a tool returns or throws may be anything: it is made JSON here, or said to be none. */
export async function callTool({ module, tool: name, args, port }: WorkerCall): Promise<WorkerOutcome> {
  const cancelled = new AbortController()
  const context = contextOf(port, cancelled)
  try {
    const tool = (await load(module)).get(name)
    if (tool === undefined) throw new Error(`the module has no tool ${name}`)
    context.isCancelled()
    cancelled.signal.throwIfAborted()
    return { json: JSON.stringify(resultOf(await tool.handler(args, context), tool.outputSchema !== undefined)) }
  } catch (error) {
    return { failed: messageOf(error) }
  } finally {
    port.close()
  }
}

function contextOf(port: MessagePort, cancelled: AbortController): WorkerContext {
  let toldMs = -Infinity
  // Whatever comes says the same.
  port.on('message', () => cancelled.abort())
  return {
    signal: cancelled.signal,
    isCancelled: () => {
      if (receiveMessageOnPort(port) !== undefined) cancelled.abort()
      return cancelled.signal.aborted
    },
    progress: (progress, total, message) => {
      const nowMs = performance.now()
      if (nowMs - toldMs < PROGRESS_GAP_MS && progress !== total) return
      toldMs = nowMs
      const told: WorkerProgress = {
        progress,
        ...(total === undefined ? {} : { total }),
        ...(message === undefined ? {} : { message }),
      }
      port.postMessage(told, [])
    },
  }
}

async function load(module: string): Promise<ReadonlyMap<string, WorkerTool>> {
  loaded ??= read(module)
  return loaded
}

async function read(module: string): Promise<ReadonlyMap<string, WorkerTool>> {
  const { default: fallback, tools = fallback } = (await import(pathToFileURL(module).href)) as {
    default?: unknown
    tools?: unknown
  }
  if (!Array.isArray(tools)) throw new Error(`${module} must export "tools", a list`)
  const named = new Map<string, WorkerTool>()
  for (const tool of tools as readonly Partial<WorkerTool>[]) {
    if (typeof tool?.name !== 'string' || typeof tool.handler !== 'function') {
      throw new Error(`${module}: a tool must have a name and a handler`)
    }
    if (named.has(tool.name)) throw new Error(`${module}: two tools are called ${tool.name}`)
    named.set(tool.name, tool as WorkerTool)
  }
  return named
}
