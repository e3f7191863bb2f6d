import type { Client, Transport } from '@modelcontextprotocol/client'
import { messageOf } from '@vsmcp/kernel'
import type { ServerDescription } from './connection.ts'
import { PROBE_SHARE } from './constants.ts'
import { CLIENT_CAPABILITIES_OFFERED, type ClientIdentity } from './params.ts'

export interface HandshakeInit {
  transport: Transport
  client: ClientIdentity
  /** `auto` asks `server/discover` first; `legacy` goes straight to `initialize`. */
  mode: 'auto' | 'legacy'
  timeoutMs: number
  signal: AbortSignal
  onListChanged: () => void
  /** Not fatal. */
  onTrouble: (text: string) => void
}

/** The SDK's client keeps what it does well: both eras' opening, and what runs beside the calls. Calls do not pass it. */
export interface Handshake {
  client: Client
  server: ServerDescription
}

/** Output of tools is not ours to check, and the validator it would load costs several megabytes. */
const NO_VALIDATION = {
  getValidator: () => () => {
    throw new Error('the validator of the handshake client is not meant to be used')
  },
}

export async function shakeHands(init: HandshakeInit): Promise<Handshake> {
  const sdk = await import('@modelcontextprotocol/client')
  const client = new sdk.Client(
    { name: init.client.name, version: init.client.version },
    {
      capabilities: CLIENT_CAPABILITIES_OFFERED,
      versionNegotiation:
        init.mode === 'legacy' ? { mode: 'legacy' } : { mode: 'auto', probe: { timeoutMs: init.timeoutMs * PROBE_SHARE } },
      jsonSchemaValidator: NO_VALIDATION,
    },
  )
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's client has no events
  client.onerror = (error) => init.onTrouble(messageOf(error))
  client.setNotificationHandler('notifications/tools/list_changed', init.onListChanged)
  client.setNotificationHandler('notifications/prompts/list_changed', init.onListChanged)
  client.setNotificationHandler('notifications/resources/list_changed', init.onListChanged)
  await client.connect(init.transport, { timeout: init.timeoutMs, signal: init.signal })
  const server = describe(client)
  return { client, server }
}

function describe(client: Client): ServerDescription {
  const info = client.getServerVersion()
  return {
    era: client.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
    protocolVersion: client.getNegotiatedProtocolVersion() ?? '',
    // A modern server need not say its name.
    serverInfo: { ...info, name: info?.name ?? 'unnamed', version: info?.version ?? 'unknown' },
    instructions: client.getInstructions(),
    capabilities: client.getServerCapabilities() ?? {},
  }
}
