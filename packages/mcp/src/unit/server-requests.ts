import type { Incoming } from './incoming.ts'

/** JSON-RPC: the method does not exist. */
const METHOD_NOT_FOUND = -32601

/**
 * Answers what a legacy server asks its client. A ping is answered; what needs a person or a model (sampling, elicitation,
 * roots) is refused in a way every server understands, as no such capability was declared. The bridges that pass these on
 * to the caller take this function's place: it sees the request as it came and gives the answer as it goes.
 */
export function answerServerRequest(request: Extract<Incoming, { kind: 'request' }>): string {
  const id = JSON.stringify(request.id)
  if (request.method === 'ping') return `{"jsonrpc":"2.0","id":${id},"result":{}}`
  const message = `${request.method} is not supported: the client declared no such capability`
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code: METHOD_NOT_FOUND, message })}}`
}
