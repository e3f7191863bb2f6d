import { type Clock, messageOf, type Random } from '@vsmcp/kernel'
import type { UnitSource } from '../contract.ts'
import { assertEnvironmentNames, findCommand, serverEnvironment } from './command.ts'
import type { Connect, ConnectionHooks } from './connection.ts'
import { UnitStartError } from './errors.ts'
import { shakeHands } from './handshake.ts'
import { listenUntil } from './listener.ts'
import { type ClientIdentity, modernEnvelope } from './params.ts'
import type { LaunchOptions, ProcessGuard } from './process-guard.ts'
import { resolveSecrets } from './secrets.ts'
import { StdioConnection } from './stdio-connection.ts'

export interface StdioConnectorInit {
  name: string
  source: Extract<UnitSource, { kind: 'stdio' }>
  client: ClientIdentity
  startTimeoutMs: number
}

export interface StdioConnectorComponents {
  clock: Clock
  random: Random
  processes: ProcessGuard
  environment: (name: string) => string | undefined
}

/** Starts the server's command and shakes hands over its pipes. */
export function stdioConnector(init: StdioConnectorInit, components: StdioConnectorComponents): Connect {
  assertEnvironmentNames(init.name, init.source.env)
  let isLegacy = false
  return async (hooks, signal) => {
    const launch = await prepare(init, components)
    if (isLegacy) {
      // Next time from the beginning: what made it look like one that cannot be asked may have passed.
      isLegacy = false
      const connection = await attempt('legacy', launch)
      isLegacy = true
      return connection
    }
    try {
      return await attempt('auto', launch)
    } catch (error) {
      // Some legacy servers end when anything but `initialize` comes first; so may one that is simply broken.
      if (!(error instanceof EndedEarlyError) || signal.aborted) throw error
      const connection = await attempt('legacy', launch)
      isLegacy = true
      return connection
    }

    async function attempt(mode: 'auto' | 'legacy', options: LaunchOptions): Promise<StdioConnection> {
      return connect(init, components, { hooks, signal, mode, options })
    }
  }
}

/** The process ended before the handshake was done. */
class EndedEarlyError extends UnitStartError {}

async function prepare(init: StdioConnectorInit, components: StdioConnectorComponents): Promise<LaunchOptions> {
  const { name, source } = init
  const { environment } = components
  const given = await resolveSecrets(source.env, { environment, directory: source.cwd })
  const env = serverEnvironment(environment, given)
  const file = await findCommand(name, source.command, source.cwd, env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')
  return { name, file, args: source.args, env, cwd: source.cwd }
}

interface Attempt {
  hooks: ConnectionHooks
  signal: AbortSignal
  mode: 'auto' | 'legacy'
  options: LaunchOptions
}

async function connect(
  init: StdioConnectorInit,
  { clock, random, processes }: StdioConnectorComponents,
  { hooks, signal, mode, options }: Attempt,
): Promise<StdioConnection> {
  signal.throwIfAborted()
  const connection = new StdioConnection(processes.launch(options), hooks, clock)
  const onAbort = (): void => void connection.close()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const { client, server } = await shakeHands({
      transport: connection.transport,
      client: init.client,
      mode,
      timeoutMs: init.startTimeoutMs,
      signal,
      onListChanged: hooks.onListChanged,
      onTrouble: (text) => hooks.onLog('message', 'debug', text),
    })
    connection.open(server, server.era === 'modern' ? modernEnvelope(server.protocolVersion, init.client) : {})
    if (server.era === 'modern') {
      const onTrouble = (text: string): void => hooks.onLog('message', 'warning', text)
      const onLost = (): void => onTrouble('the server no longer tells of changes to its lists')
      const { capabilities } = server
      await listenUntil(
        connection.closed,
        { client, capabilities, onListChanged: hooks.onListChanged, onLost, onTrouble },
        clock,
        random,
      )
    }
    return connection
  } catch (error) {
    const endReason = connection.endReason
    await connection.close()
    if (endReason !== undefined && !signal.aborted) {
      throw new EndedEarlyError(`unit ${init.name} did not start: ${endReason} before the handshake was done`, {
        details: { unit: init.name },
      })
    }
    throw new UnitStartError(`unit ${init.name} did not start: the handshake failed: ${messageOf(error)}`, {
      hint: 'Look whether the command starts an MCP server that speaks over stdin and stdout.',
      details: { unit: init.name },
      cause: error,
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
