/** The fixture behind the SDK's own HTTP server, called directly: the reference. Prints its address. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import {
  localhostHostValidation,
  localhostOriginValidation,
  type NodeIncomingMessageLike,
  toNodeHandler,
} from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'

import { lookupServer } from './lookup-server.ts'

const handle = toNodeHandler(createMcpHandler(lookupServer))
const validHost = localhostHostValidation()
const validOrigin = localhostOriginValidation()

const server = createServer((request, response) => {
  // The adapter's type of a request is stricter than Node's about `undefined`; it takes Node's own objects.
  if (validHost(request, response) && validOrigin(request, response)) void handle(request as NodeIncomingMessageLike, response)
})
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`)
})
