import type { Definitions, Era } from '../contract.ts'
import type { Call } from './call.ts'
import type { JsonObject } from './params.ts'

/** What a server said of itself in the handshake. */
export interface ServerDescription {
  readonly era: Era
  readonly protocolVersion: string
  readonly serverInfo: JsonObject & { readonly name: string; readonly version: string }
  readonly instructions: string | undefined
  readonly capabilities: JsonObject
}

/** A server that has shaken hands. It ends once, by itself or by `close`; another connection takes its place. */
export interface Connection {
  readonly server: ServerDescription
  /** Resolves with the reason, once; all calls have ended by then. */
  readonly closed: Promise<string>
  /** Takes a call and sees to its end. */
  send(call: Call): void
  /** Told of what the server offers, for those who must know a tool to call it. */
  learn?(definitions: Definitions): void
  /** Resolves when nothing of it is left. */
  close(): Promise<void>
}

/** What happens on a connection besides its calls. */
export interface ConnectionHooks {
  /** The server's lists are others now. */
  onListChanged: () => void
  /** A line that is no JSON-RPC, where only that may be; it is logged, too. */
  onRubbish?: (line: string) => void
  onLog: (source: 'stderr' | 'message' | 'stdout', level: string, text: string) => void
}

/** Makes one connection; rejects, leaving nothing behind, when that fails or `signal` aborts. */
export type Connect = (hooks: ConnectionHooks, signal: AbortSignal) => Promise<Connection>
