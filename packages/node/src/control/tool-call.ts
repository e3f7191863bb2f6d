import type { Clock } from '@vsmcp/kernel'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import type { ToolCallAnswer, ToolCallRequest } from '../route/contract.ts'
import { syntheticReasonOf } from '../degradation/synthetic.ts'
import { ServerRefusedError } from '../errors.ts'
import type { MeshRequest, Router } from '../route/router.ts'

const progressSchema = z.object({ progress: z.number(), total: z.number().optional(), message: z.string().optional() })

export interface ToolCallComponents {
  catalog: Catalog
  router: Router
  clock: Clock
  nameOf: (peer: string) => string
}

/** Of who asks again by itself: see `MeshRequest`. */
export type RepeatedCall = ToolCallRequest & Pick<MeshRequest, 'attempt'>

/** One tool call for a person or script, by the same path a client's call takes. */
export async function callTool(components: ToolCallComponents, request: RepeatedCall): Promise<ToolCallAnswer> {
  const { catalog, router, clock, nameOf } = components
  const { tool, args, timeoutMs, signal, attempt, onProgress } = request
  const listed = catalog.findTool(tool)
  let answering: string | undefined
  const params = { name: tool, arguments: args, ...(onProgress === undefined ? {} : { _meta: { progressToken: 0 } }) }
  const startedMs = clock.monotonicMs()
  const reply = await router.request({
    method: 'tools/call',
    target: tool,
    paramsJson: JSON.stringify(params),
    deadlineMs: timeoutMs,
    signal: signal ?? new AbortController().signal,
    onNotification: (method, json) => {
      const parsed = progressSchema.safeParse(JSON.parse(json))
      if (method !== 'notifications/progress' || !parsed.success) return
      const { progress, total, message } = parsed.data
      onProgress?.({ progress, ...(total === undefined ? {} : { total }), ...(message === undefined ? {} : { message }) })
    },
    onAsked: (asked) => (answering = asked),
    ...(attempt === undefined ? {} : { attempt }),
  })
  const latencyMs = clock.monotonicMs() - startedMs
  // What the group does not list another group answered; where, stays inside that one.
  const { unit, node: first } = listed ?? catalog.findTool(tool) ?? { unit: tool.split('__', 1)[0] ?? tool, node: '' }
  const node = answering ?? first
  if ('error' in reply) {
    throw new ServerRefusedError(`the server behind ${tool} refused: ${reply.error.message}`, {
      details: { unit, node, jsonRpcCode: reply.error.code },
    })
  }
  const result = JSON.parse(reply.resultJson) as Record<string, unknown>
  const synthetic = syntheticReasonOf(result)
  const isError = result['isError'] === true
  const nodeName = node === '' ? 'another group' : nameOf(node)
  return { result, isError, ...(synthetic === undefined ? {} : { synthetic }), unit, node, nodeName, latencyMs }
}
