import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import {
  createProcessGuard,
  createUnit,
  type McpReply,
  type McpRequest,
  type ProcessGuard,
  type Unit,
  type UnitEvents,
  type UnitSource,
  type UnitSpec,
} from '@vsmcp/mcp'
import { afterAll, afterEach, beforeAll } from 'vitest'

const FIXTURES = new URL('../../fixtures/', import.meta.url)

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`${name}.ts`, FIXTURES))
}

/** The entry of a published server. */
export function packagePath(path: string): string {
  return fileURLToPath(new URL(`../../../../../node_modules/@modelcontextprotocol/${path}`, import.meta.url))
}

export function fixtureServer(name: string, ...args: string[]): UnitSource {
  return commandSource(process.execPath, fixturePath(name), ...args)
}

export function commandSource(command: string, ...args: string[]): Extract<UnitSource, { kind: 'stdio' }> {
  return { kind: 'stdio', command, args, env: {}, cwd: tmpdir() }
}

type Cleanup = () => Promise<void> | void

let cleanups: Cleanup[] = []

/** Undone after the test, the last first. */
export function undoLater(cleanup: Cleanup): void {
  cleanups.push(cleanup)
}

async function undo(all: Cleanup[]): Promise<void> {
  for (let cleanup = all.pop(); cleanup !== undefined; cleanup = all.pop()) await cleanup()
}

afterEach(async () => undo(cleanups))

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'vsmcp-unit-'))
  undoLater(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface UnitOptions extends Partial<UnitSpec> {
  environment?: Record<string, string>
  processes?: ProcessGuard
  clock?: Clock
}

export async function startedGuard(directory = temporaryDirectory(), clock = systemClock): Promise<ProcessGuard> {
  const guard = createProcessGuard({ dir: directory })({ clock, random: seededRandom(1), logger: silentLogger })
  await guard.start()
  undoLater(async () => guard.stop())
  return guard
}

/** A unit that has not been started. It is stopped after the test. */
export async function makeUnit(source: UnitSource, options: UnitOptions = {}): Promise<Unit> {
  const { environment = {}, processes = await startedGuard(), clock = systemClock, ...spec } = options
  // Where time runs faster, starting a process must not.
  const startTimeoutMs = clock === systemClock ? 30_000 : 600_000
  const unit = createUnit({
    spec: { name: 'unit', source, startTimeoutMs, ...spec },
    client: { name: 'vsmcp-test', version: '1.2.3' },
  })({
    clock,
    random: seededRandom(7),
    logger: silentLogger,
    processes,
    environment: (name) => environment[name] ?? process.env[name],
  })
  undoLater(async () => unit.stop())
  return unit
}

export async function startUnit(source: UnitSource, options: UnitOptions = {}): Promise<Unit> {
  const unit = await makeUnit(source, options)
  await unit.start()
  return unit
}

/** One unit for all tests of a `describe`, which must not disturb each other through it. */
export function sharedUnit(source: UnitSource, options: UnitOptions = {}): () => Unit {
  let unit: Unit | undefined
  const kept: Cleanup[] = []
  beforeAll(async () => {
    const ofTests = cleanups
    cleanups = kept
    unit = await startUnit(source, options)
    cleanups = ofTests
  })
  afterAll(async () => undo(kept))
  return () => {
    if (unit === undefined) throw new Error('the unit is started before the first test')
    return unit
  }
}

/** The next event that meets the condition. Ask before what causes it. */
export async function nextEvent<K extends keyof UnitEvents>(
  unit: Unit,
  event: K,
  meets: (payload: UnitEvents[K]) => boolean = () => true,
): Promise<UnitEvents[K]> {
  const { promise, resolve } = Promise.withResolvers<UnitEvents[K]>()
  const off = unit.on(event, (payload) => {
    if (meets(payload)) resolve(payload)
  })
  const payload = await promise
  off()
  return payload
}

export async function nextLine(unit: Unit, text: string): Promise<void> {
  await nextEvent(unit, 'log', (line) => line.text === text)
}

export function toolCall(name: string, args: object = {}, more: Partial<McpRequest> & { meta?: object } = {}): McpRequest {
  const { meta, ...request } = more
  const params = { name, arguments: args, ...(meta !== undefined && { _meta: meta }) }
  return { method: 'tools/call', paramsJson: JSON.stringify(params), deadlineMs: 60_000, ...request }
}

export interface ToolResult {
  content: { type: string; text: string }[]
  structuredContent?: unknown
  resultType?: string
  isError?: boolean
}

export function resultOf(reply: McpReply): ToolResult {
  if ('error' in reply) throw new Error(`answered with an error: ${reply.error.message}`)
  return JSON.parse(reply.resultJson) as ToolResult
}

export function textOf(reply: McpReply): string {
  return resultOf(reply).content[0]?.text ?? ''
}

/** What a rejected promise rejects with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; hint?: string; details?: Record<string, unknown> }> {
  return promise.then(
    () => {
      throw new Error('it did not reject')
    },
    (error: Error) => error,
  )
}
