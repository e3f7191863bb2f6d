import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Startable } from '@vsmcp/kernel'
import type { NodeControl } from './control.ts'
import type { Profile } from './control/contract.ts'

export interface NodeInit {
  dataDir: string
  /** Another name than the one the node joined with. */
  name?: string
  profile: Profile
  /** Multiaddrs to listen on. */
  listen: string[]
  /** Multiaddrs others reach this node at, for nodes behind NAT. */
  advertise: string[]
  /** Addresses of members, or of what may be members: dialled until they lead to one, and again whenever that one is gone. @default [] */
  bootstrap?: string[]
  /** Looks for members on the local network, and lets itself be found there. @default false */
  mdns?: boolean
  /** Text of the private network's key, where there is one. */
  pnetKey?: string
  http: { host: string; port: number; token?: string }
  /** What all units of this node together may have in work at once, and begin per second. @default by the number of processor cores; no bound */
  capacity?: { concurrency?: number; ratePerS?: number; memoryBytes?: number }
  /** Mean time between two audits of units elsewhere, milliseconds. @default 60_000 */
  auditMeanMs?: number
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** `json` for machines, `text` for a terminal, `off` when nobody reads it. */
  logToStderr: 'json' | 'text' | 'off'
  /** No credential that this node asks for lives longer, milliseconds. @default as the group's policy says */
  credentialLifeMs?: number
  /** Version of the program, for people. */
  version: string
  /** Where the control socket will be, for whoever looks at the directory. */
  socketPath: string
}

export interface StopReason {
  reason: 'shutdown' | 'left' | 'evicted' | 'forgotten' | 'failed'
  error?: unknown
}

export interface VsmcpNode extends Startable {
  readonly control: NodeControl
  /** After `start`: what a script needs to know. */
  readonly ready: { peerId: string; name: string; mcp: string; listen: string[] }
  /** The MCP endpoint, to be served under `/mcp` on the control socket too; no token is asked there. */
  readonly mcpHandler: (request: IncomingMessage, response: ServerResponse) => void
  /** Writes to the node's log what is known only outside of it, such as an error nobody caught; nothing before `start`. */
  log(level: 'info' | 'warn' | 'error', msg: string, fields?: Readonly<Record<string, unknown>>): void
  /**
   * Asked, in the handler itself, about a promise that rejected unheard. @returns true when it is the crash of one part, which is
   * started again; false when nobody knows whose it is, and what it left behind
   */
  contain(error: unknown): boolean
  /** Resolves when the node has stopped, by itself or by `stop`. */
  readonly stopped: Promise<StopReason>
}
