import { fileURLToPath } from 'node:url'
import { Client as SdkClient, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport as OldTransport } from '@modelcontextprotocol/sdk/shared/transport.js'
import * as old from '@modelcontextprotocol/sdk/types.js'

export interface CallOptions {
  onProgress?: (progress: number) => void
  signal?: AbortSignal
  logLevel?: string
}

/** What the tests need of a client, whichever SDK and revision it is of. */
export interface TestClient {
  readonly version: string | undefined
  readonly serverName: string | undefined
  readonly instructions: string | undefined
  list(what: 'tools' | 'resources' | 'resourceTemplates' | 'prompts'): Promise<string[]>
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Record<string, unknown>>
  read(uri: string): Promise<Record<string, unknown>>
  prompt(name: string, args: Record<string, string>): Promise<Record<string, unknown>>
  complete(promptName: string, argument: string, value: string): Promise<string[]>
  /** From now on. */
  onToolsChanged(listener: () => void): Promise<void>
  onLog(listener: (data: unknown) => void): void
  close(): Promise<void>
}

const STDIO_MAIN = fileURLToPath(new URL('stdio-main.ts', import.meta.url))
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel'

function stdioCommand(url: string): { command: string; args: string[] } {
  return { command: process.execPath, args: [STDIO_MAIN, url] }
}

async function sdkClient(transport: Transport, mode: 'auto' | 'legacy'): Promise<TestClient> {
  let onChanged = (): void => {}
  let onLog = (_data: unknown): void => {}
  const client = new SdkClient(
    { name: 'sdk-2', version: '1.0.0' },
    { versionNegotiation: { mode }, listChanged: { tools: { onChanged: () => onChanged(), autoRefresh: false, debounceMs: 0 } } },
  )
  client.setNotificationHandler('notifications/message', ({ params }) => onLog(params.data))
  await client.connect(transport)
  const lists = {
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    resources: async () => (await client.listResources()).resources.map((resource) => resource.uri),
    resourceTemplates: async () =>
      (await client.listResourceTemplates()).resourceTemplates.map((template) => template.uriTemplate),
    prompts: async () => (await client.listPrompts()).prompts.map((prompt) => prompt.name),
  }
  return {
    version: client.getNegotiatedProtocolVersion(),
    serverName: client.getServerVersion()?.name,
    instructions: client.getInstructions(),
    list: (what) => lists[what](),
    call: async (name, args = {}, { onProgress, signal, logLevel } = {}) => {
      if (logLevel !== undefined && mode === 'legacy') await client.setLoggingLevel(logLevel as 'info')
      const meta = logLevel === undefined || mode === 'legacy' ? {} : { _meta: { [LOG_LEVEL_KEY]: logLevel } }
      return client.callTool(
        { name, arguments: args, ...meta },
        {
          ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
          ...(signal === undefined ? {} : { signal }),
        },
      )
    },
    read: async (uri) => client.readResource({ uri }),
    prompt: async (name, args) => client.getPrompt({ name, arguments: args }),
    complete: async (name, argument, value) =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } })).completion.values,
    onToolsChanged: async (listener) => void (onChanged = listener),
    onLog: (listener) => void (onLog = listener),
    close: () => client.close(),
  }
}

async function oldClient(transport: OldTransport): Promise<TestClient> {
  const client = new OldClient({ name: 'sdk-1', version: '1.0.0' })
  await client.connect(transport)
  const lists = {
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    resources: async () => (await client.listResources()).resources.map((resource) => resource.uri),
    resourceTemplates: async () =>
      (await client.listResourceTemplates()).resourceTemplates.map((template) => template.uriTemplate),
    prompts: async () => (await client.listPrompts()).prompts.map((prompt) => prompt.name),
  }
  return {
    version: (transport as { protocolVersion?: string }).protocolVersion,
    serverName: client.getServerVersion()?.name,
    instructions: client.getInstructions(),
    list: (what) => lists[what](),
    call: async (name, args = {}, { onProgress, signal, logLevel } = {}) => {
      if (logLevel !== undefined) await client.setLoggingLevel(logLevel as 'info')
      return client.callTool({ name, arguments: args }, undefined, {
        ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
        ...(signal === undefined ? {} : { signal }),
      })
    },
    read: async (uri) => client.readResource({ uri }),
    prompt: async (name, args) => client.getPrompt({ name, arguments: args }),
    complete: async (name, argument, value) =>
      (await client.complete({ ref: { type: 'ref/prompt', name }, argument: { name: argument, value } })).completion.values,
    onToolsChanged: async (listener) => client.setNotificationHandler(old.ToolListChangedNotificationSchema, () => listener()),
    onLog: (listener) =>
      client.setNotificationHandler(old.LoggingMessageNotificationSchema, ({ params }) => listener(params.data)),
    close: () => client.close(),
  }
}

/** Every kind of client the endpoint must serve, by what it is. */
export const CLIENTS: Readonly<Record<string, (url: string) => Promise<TestClient>>> = {
  'SDK 2.4, modern era, HTTP': (url) => sdkClient(new StreamableHTTPClientTransport(new URL(url)), 'auto'),
  'SDK 2.4, legacy era, HTTP': (url) => sdkClient(new StreamableHTTPClientTransport(new URL(url)), 'legacy'),
  'SDK 1.32, HTTP': (url) => oldClient(new OldHttp(new URL(url))),
  'SDK 2.4, modern era, stdio': (url) => sdkClient(new StdioClientTransport(stdioCommand(url)), 'auto'),
  'SDK 2.4, legacy era, stdio': (url) => sdkClient(new StdioClientTransport(stdioCommand(url)), 'legacy'),
  'SDK 1.32, stdio': (url) => oldClient(new OldStdio(stdioCommand(url))),
}
