import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { NodeControl } from '@vsmcp/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { BadAnswerError, BadRequestError } from './errors.ts'
import { toWireError } from './http-status.ts'
import type { AnyRoute } from './route.ts'

const NDJSON = 'application/x-ndjson'

export interface Exchange {
  control: NodeControl
  request: FastifyRequest
  reply: FastifyReply
  /** Aborts when the server stops. */
  stopping: AbortSignal
}

/** Runs a route for one request. What it throws becomes the error body, by fastify's error handler. */
export async function serveRoute(route: AnyRoute, exchange: Exchange): Promise<unknown> {
  const { request, reply, control } = exchange
  const input = parseInput(route, request) as never
  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(new Error('the client went away'))
  })

  if (route.answer === 'ndjson') {
    const ended = AbortSignal.any([gone.signal, exchange.stopping])
    const lines = route.run(control, input, { signal: ended, progress() {} }) as AsyncIterable<unknown>
    await stream(reply, ended, async (write) => {
      for await (const line of lines) await write(parseOutput(route, line))
    })
    return reply
  }
  if (route.answer === 'progress' && request.headers.accept === NDJSON) {
    await stream(reply, gone.signal, async (write) => {
      // Progress is best effort: it does not wait for a slow reader, and is dropped while the pipe is full.
      const progress = (value: unknown): void => void (raw.writableNeedDrain || write({ progress: value }))
      const answer = await route.run(control, input, { signal: gone.signal, progress })
      await write({ answer: parseOutput(route, answer) })
    })
    return reply
  }
  const answer = await route.run(control, input, { signal: gone.signal, progress() {} })
  return parseOutput(route, answer)
}

function parseInput(route: AnyRoute, request: FastifyRequest): unknown {
  const carried = route.method === 'GET' || route.method === 'DELETE' ? request.query : request.body
  if (carried !== undefined && carried !== null && (typeof carried !== 'object' || Array.isArray(carried))) {
    throw new BadRequestError(`${route.method} ${route.path} takes a JSON object`)
  }
  const parsed = route.input.safeParse({ ...carried, ...(request.params as object) })
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`)
  throw new BadRequestError(`${route.method} ${route.path} was refused: ${problems.join('; ')}`, { details: { problems } })
}

/** Gives exactly what is documented: fields that are in no schema stay here, an answer that breaks it is a fault of ours. */
function parseOutput(route: AnyRoute, answer: unknown): unknown {
  const parsed = route.output.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new BadAnswerError(`the node's answer to ${route.method} ${route.path} does not fit: ${z.prettifyError(parsed.error)}`)
}

/**
 * Writes lines as they come, each when the one before has left (back-pressure). Headers go out at once, so a failure,
 * too, is a line.
 */
async function stream(
  reply: FastifyReply,
  ended: AbortSignal,
  produce: (write: (line: unknown) => Promise<void>) => Promise<void>,
): Promise<void> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': NDJSON, 'cache-control': 'no-store' })
  raw.flushHeaders()
  const write = (line: unknown): Promise<void> => writeLine(raw, line, ended)
  try {
    await produce(write)
  } catch (error) {
    if (!ended.aborted) raw.write(`${JSON.stringify({ error: toWireError(error) })}\n`)
  } finally {
    raw.end()
  }
}

async function writeLine(raw: ServerResponse, line: unknown, ended: AbortSignal): Promise<void> {
  if (raw.destroyed || raw.write(`${JSON.stringify(line)}\n`)) return
  await once(raw, 'drain', { signal: ended })
}
