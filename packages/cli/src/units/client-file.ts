import { homedir } from 'node:os'
import { z } from 'zod'
import { checkLocated, parseLocated } from '../config/located.ts'
import { START_TIMEOUT_MS } from '../constants.ts'
import { ConfigError } from '../errors.ts'
import { withoutComments } from './jsonc.ts'
import type { UnitDescription } from './request.ts'
import { toUnitName } from './unit-name.ts'

export interface ImportedUnit {
  name: string
  /** Its name in the client's file. */
  nameThere: string
  unit: UnitDescription
  /** What a person should know: another name, a value taken from here. */
  notes: string[]
}

export interface ImportedUnits {
  units: ImportedUnit[]
  /** What was left out, and why. */
  skipped: { nameThere: string; why: string }[]
}

const HINT = 'It reads "mcpServers" (Claude, Cursor and most others) and "servers" (VS Code).'
const server = z.object({
  type: z.string().exactOptional(),
  command: z.string().exactOptional(),
  args: z.array(z.string()).exactOptional(),
  env: z.record(z.string(), z.string()).exactOptional(),
  envFile: z.string().exactOptional(),
  cwd: z.string().exactOptional(),
  url: z.string().exactOptional(),
  serverUrl: z.string().exactOptional(),
  headers: z.record(z.string(), z.string()).exactOptional(),
  disabled: z.string().exactOptional(),
})
const servers = z.record(z.string(), server)
const clientFile = z.object(
  {
    mcpServers: servers.exactOptional(),
    servers: servers.exactOptional(),
    mcp: z.object({ servers: servers.exactOptional() }).exactOptional(),
  },
  { error: `the file holds no object. ${HINT}` },
)

export interface ImportContext {
  cwd: string
  env: Readonly<Record<string, string | undefined>>
}

/** Reads the servers out of an MCP client's own configuration: JSON, with comments and trailing commas if it likes. */
export function parseClientFile(content: string, file: string, context: ImportContext): ImportedUnits {
  const found = checkLocated(parseLocated(withoutComments(content), file), clientFile, HINT)
  const all = found.mcpServers ?? found.servers ?? found.mcp?.servers
  if (all === undefined) throw new ConfigError(`${file} holds no MCP servers`, { hint: HINT })
  const result: ImportedUnits = { units: [], skipped: [] }
  const taken = new Set<string>()
  for (const [nameThere, entry] of Object.entries(all)) {
    const notes: string[] = []
    const why = unfit(entry) ?? 'nothing'
    if (why !== 'nothing') {
      result.skipped.push({ nameThere, why })
      continue
    }
    try {
      const unit = toUnit(entry, (text) => expand(text, context, notes))
      const name = toUnitName(nameThere, taken)
      taken.add(name)
      if (name !== nameThere) notes.unshift(`named ${name} here, since a unit's name is a-z, 0-9 and "-"`)
      result.units.push({ name, nameThere, unit, notes })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      result.skipped.push({ nameThere, why: error.message })
    }
  }
  return result
}

function unfit(entry: z.output<typeof server>): string | undefined {
  if (entry.disabled === 'true') return 'it is disabled there'
  if (entry.type === 'sse')
    return 'it speaks the old HTTP+SSE transport, which this does not; ask for its Streamable HTTP address'
  if (entry.command === undefined && entry.url === undefined && entry.serverUrl === undefined)
    return 'it has neither a command nor a URL'
  return undefined
}

function toUnit(entry: z.output<typeof server>, fill: (text: string) => string): UnitDescription {
  const fillAll = (values: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, reference(value) ?? fill(value)]))
  const url = entry.url ?? entry.serverUrl
  const startTimeoutMs = START_TIMEOUT_MS
  if (entry.command === undefined && url !== undefined) {
    return { url: fill(url), headers: fillAll(entry.headers ?? {}), startTimeoutMs }
  }
  return {
    command: fill(entry.command ?? ''),
    args: (entry.args ?? []).map(fill),
    env: fillAll(entry.env ?? {}),
    ...(entry.envFile === undefined ? {} : { envFile: fill(entry.envFile) }),
    ...(entry.cwd === undefined ? {} : { cwd: fill(entry.cwd) }),
    startTimeoutMs,
  }
}

/** A value that is one variable and nothing else stays a reference: it is looked up at each start and never stored. */
function reference(value: string): string | undefined {
  const name = /^\$\{(?:env:)?([A-Za-z_]\w*)\}$/.exec(value)?.[1]
  return name === undefined || name in PLACES ? undefined : `env:${name}`
}

const PLACES: Readonly<Record<string, (context: ImportContext) => string>> = {
  workspaceFolder: ({ cwd }) => cwd,
  userHome: () => homedir(),
  pathSeparator: () => '/',
  '/': () => '/',
}

/** `${workspaceFolder}`, `${userHome}`, `${env:NAME}`, `${NAME}` and `${NAME:-default}` inside a text, as the clients do. */
function expand(text: string, context: ImportContext, notes: string[]): string {
  return text.replace(/\$\{([^}]*)\}/g, (whole, inner: string) => {
    const place = PLACES[inner]
    if (place !== undefined) return place(context)
    const [, name = '', fallback] = /^(?:env:)?([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inner) ?? []
    const value = name === '' ? undefined : (context.env[name] ?? fallback)
    if (value === undefined) {
      throw new ConfigError(
        name === '' ? `it uses ${whole}, which only that client can fill in` : `it uses ${name}, which is not set here`,
      )
    }
    if (context.env[name] !== undefined) notes.push(`${name} was taken from the environment as it is now`)
    return value
  })
}
