/** The fixture over stdio: what the mesh attaches, and what the bridges stand in front of. */
import { serveStdio } from '@modelcontextprotocol/server/stdio'

import { lookupServer } from './lookup-server.ts'

serveStdio(lookupServer)
