import { writeFileSync } from 'node:fs'

import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

import { answerFor } from './question.ts'

const inputSchema = z.object({ key: z.string(), n: z.number().int() })

/** Where the number of calls is written: a folder, one file for each process. */
const COUNTS_FOLDER_VARIABLE = 'LOOKUP_COUNTS_FOLDER'

/** The count is on disk at most so long after the call it counts. */
const COUNT_WRITE_MS = 50

let calls = 0
let writing: NodeJS.Timeout | undefined

function count(): void {
  calls++
  const folder = process.env[COUNTS_FOLDER_VARIABLE]
  if (folder === undefined || writing !== undefined) return
  writing = setTimeout(() => {
    writing = undefined
    writeFileSync(`${folder}/${process.pid}`, String(calls))
  }, COUNT_WRITE_MS)
}

/** One read-only tool whose answer depends on every argument: nothing can be answered twice from one call. */
export function lookupServer(): McpServer {
  const server = new McpServer({ name: 'lookup', version: '1.0.0' })
  server.registerTool(
    'lookup',
    { description: 'Looks a key up', inputSchema, annotations: { readOnlyHint: true } },
    ({ key, n }) => {
      count()
      return { content: [{ type: 'text', text: answerFor(key, n) }] }
    },
  )
  return server
}
