import { InMemoryTransport, type JSONRPCMessage, Server, type Tool } from '@modelcontextprotocol/server'
import type { JsonObject } from './message.ts'

/**
 * Definitions as a legacy client may see them: an output schema whose root is no object is wrapped, its references rewritten. The
 * rules are the SDK's and are not exported, so a server of its own, connected to nothing but this function, lists the tools.
 */
export async function toLegacyTools(tools: readonly JsonObject[]): Promise<readonly JsonObject[]> {
  const [client, wire] = InMemoryTransport.createLinkedPair()
  const server = new Server({ name: 'vsmcp', version: '0' }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', () => ({ tools: tools as readonly unknown[] as Tool[] }))
  const { promise, resolve } = Promise.withResolvers<JSONRPCMessage>()
  // The SDK's transports are no event targets.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  client.onmessage = resolve
  await server.connect(wire)
  await client.start()
  await client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const answer = await promise
  await server.close()
  // What it cannot list is better shown as it is than not at all.
  return 'result' in answer ? (answer.result as { tools: readonly JsonObject[] }).tools : tools
}
