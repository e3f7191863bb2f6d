import type { FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type Clock, InvalidArgumentError, messageOf, type Random } from '@vsmcp/kernel'
import type { Agent } from 'undici'
import type { UnitSource } from '../contract.ts'
import type { Connect, ConnectionHooks } from './connection.ts'
import { HTTP_CONNECTIONS_MAX } from './constants.ts'
import { UnitStartError } from './errors.ts'
import { type Handshake, shakeHands } from './handshake.ts'
import { HttpConnection } from './http-connection.ts'
import { assertHeaderNames, assertHeaderValues } from './http-headers.ts'
import { listenUntil, ReopeningPace } from './listener.ts'
import { type ClientIdentity, modernEnvelope } from './params.ts'
import { quotePage } from './quote.ts'
import { resolveSecrets } from './secrets.ts'

export interface HttpConnectorInit {
  name: string
  source: Extract<UnitSource, { kind: 'http' }>
  client: ClientIdentity
  startTimeoutMs: number
}

export interface HttpConnectorComponents {
  clock: Clock
  random: Random
  environment: (name: string) => string | undefined
}

/** @throws `InvalidArgumentError` */
function parseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    if (url.username === '' && url.password === '') return url
    throw new InvalidArgumentError(`the URL of unit ${name} holds a user name or password`, {
      hint: 'Give it as a header: --header Authorization=file:PATH.',
    })
  }
  throw new InvalidArgumentError(`the URL of unit ${name} is none of HTTP`, {
    hint: 'Give it as http://HOST:PORT/PATH or https://…',
  })
}

interface Attempt {
  hooks: ConnectionHooks
  signal: AbortSignal
  headers: Readonly<Record<string, string>>
  agent: Agent
  onLost: (reason: string) => void
}

/** Connects to a server behind Streamable HTTP. */
export function httpConnector(init: HttpConnectorInit, components: HttpConnectorComponents): Connect {
  const url = parseUrl(init.name, init.source.url)
  assertHeaderNames(init.name, init.source.headers)
  return async (hooks, signal) => {
    const headers = await resolveSecrets(init.source.headers, { environment: components.environment, directory: '/' })
    assertHeaderValues(init.name, headers)
    const { Agent, fetch } = await import('./http-client.ts')
    // Deadlines are those of the calls; streams that tell of changes may be silent for days.
    const agent = new Agent({
      connections: HTTP_CONNECTIONS_MAX,
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    let connection: HttpConnection | undefined
    const onLost = (reason: string): void => connection?.end(reason)
    try {
      const transport = await makeTransport(init, components, url, {
        attempt: { hooks, signal, headers, agent, onLost },
        fetch: (input, options) => fetch(input, { ...options, dispatcher: agent }),
      })
      const shaken = await shake(init, transport, { hooks, signal })
      const { server } = shaken
      const envelope = server.era === 'modern' ? modernEnvelope(server.protocolVersion, init.client) : {}
      connection = new HttpConnection(
        { url, headers, server, envelope, agent, sdk: { client: shaken.client, transport } },
        hooks,
        components.clock,
      )
      if (server.era === 'legacy') return connection
      const listening = {
        client: shaken.client,
        capabilities: server.capabilities,
        onListChanged: hooks.onListChanged,
        onLost: () => onLost('it can no longer be listened to'),
        onTrouble: (text: string) => hooks.onLog('message', 'warning', text),
      }
      await listenUntil(connection.closed, listening, components.clock, components.random)
      return connection
    } catch (error) {
      await agent.destroy()
      throw new UnitStartError(`unit ${init.name} did not start: ${quotePage(describe(error))}`, {
        hint: 'Look at the URL, at the headers, and whether an MCP server (Streamable HTTP) listens there.',
        details: { unit: init.name },
        cause: error,
      })
    }
  }
}

/** `fetch` hides why it failed in the cause. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? describe(error.cause) : undefined
  const text = messageOf(error)
  if (cause === undefined || text.includes(cause)) return text
  return `${text}: ${cause}`
}

async function makeTransport(
  init: HttpConnectorInit,
  { clock, random }: HttpConnectorComponents,
  url: URL,
  { attempt, fetch }: { attempt: Attempt; fetch: FetchLike },
): Promise<StreamableHTTPClientTransport> {
  const sdk = await import('@modelcontextprotocol/client')
  const pace = new ReopeningPace(clock, random)
  return new sdk.StreamableHTTPClientTransport(url, {
    requestInit: { headers: { ...attempt.headers } },
    fetch,
    reconnectionOptions: {
      initialReconnectionDelay: 1_000,
      maxReconnectionDelay: 30_000,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 1_000,
    },
    reconnectionScheduler: (reconnect, _delayMs, attemptCount) => {
      if (attemptCount >= 2) {
        attempt.onLost('its event stream ended and cannot be opened again')
        return undefined
      }
      const timer = clock.after(pace.nextDelayMs(), reconnect)
      return () => timer.cancel()
    },
  })
}

async function shake(
  init: HttpConnectorInit,
  transport: StreamableHTTPClientTransport,
  { hooks, signal }: Pick<Attempt, 'hooks' | 'signal'>,
): Promise<Handshake> {
  const onAbort = (): void => void transport.close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await shakeHands({
      transport,
      client: init.client,
      mode: 'auto',
      timeoutMs: init.startTimeoutMs,
      signal,
      onListChanged: hooks.onListChanged,
      onTrouble: (text) => hooks.onLog('message', 'debug', text),
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
