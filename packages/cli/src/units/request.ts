import { availableParallelism } from 'node:os'
import { messageOf, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import type { AttachRequest, UnitSource, UnitTerms } from '@vsmcp/node'
import { THREAD_MEMORY_MB } from '../constants.ts'
import { UsageError } from '../errors.ts'
import { readText } from '../input.ts'
import { parseClaims } from './claims.ts'
import { absolute, mapValues, parseEnvFile, resolveCommand, type ValueContext } from './values.ts'

/** A unit as a person or a file describes it: by command, by URL or by a module of tools. */
export interface UnitDescription {
  command?: string
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
  envFile?: string
  cwd?: string
  url?: string
  /** Path of a module. */
  worker?: string
  /** @default one less than there are processor cores, or one */
  threads?: number
  /** @default 256 */
  threadMemoryMb?: number
  headers?: Readonly<Record<string, string>>
  startTimeoutMs: number
  /** `NAME` or `NAME:shared`. */
  claims?: readonly string[]
  terms?: UnitTerms
  replica?: boolean
  /** File of results by tool. */
  fallback?: string
}

export type UnitRequest = Omit<AttachRequest, 'replace'>

/** Makes a request of a description: paths absolute, the environment file read, names and URLs checked. */
export async function toRequest(name: string, unit: UnitDescription, context: ValueContext): Promise<UnitRequest> {
  if (!UNIT_NAME_PATTERN.test(name)) {
    throw new UsageError(`"${name}" cannot be a unit's name`, {
      hint: 'Use up to 24 of a-z, 0-9 and "-", beginning with a letter or digit.',
    })
  }
  const claims = parseClaims(unit.claims ?? [])
  const { startTimeoutMs, terms = {}, fallback } = unit
  return {
    name,
    source: await toSource(name, unit, context),
    startTimeoutMs,
    ...(unit.replica === true ? { replica: true } : {}),
    ...(Object.keys(terms).length === 0 ? {} : { terms }),
    ...(claims.length === 0 ? {} : { claims }),
    ...(fallback === undefined ? {} : { fallbacks: await readFallbacks(absolute(fallback, context.base)) }),
  }
}

/** What each result must hold is the node's to say. */
async function readFallbacks(file: string): Promise<NonNullable<AttachRequest['fallbacks']>> {
  const text = await readText(file)
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as NonNullable<AttachRequest['fallbacks']>
  } catch (cause) {
    throw new UsageError(`${file} is no JSON: ${messageOf(cause)}`, { cause })
  }
  throw new UsageError(`${file} holds no results by tool`, {
    hint: 'Write an object: {"TOOL": {"content": [{"type": "text", "text": "…"}]}}.',
  })
}

async function toSource(name: string, unit: UnitDescription, context: ValueContext): Promise<UnitSource> {
  const { command, url, worker } = unit
  const given = [command, url, worker].filter((each) => each !== undefined).length
  if (given !== 1) {
    throw new UsageError(
      `unit ${name} needs a command, a URL or a worker module, ${given === 0 ? 'and has none' : 'and one only'}`,
    )
  }
  if (url !== undefined) {
    const { protocol } = URL.parse(url) ?? {}
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new UsageError(`unit ${name}: "${url}" is not an http or https address`)
    }
    return { kind: 'http', url, headers: mapValues(unit.headers ?? {}, context) }
  }
  const process = await processOf(unit, context)
  if (worker !== undefined) {
    const { threads = Math.max(1, availableParallelism() - 1), threadMemoryMb = THREAD_MEMORY_MB } = unit
    return { kind: 'worker', module: absolute(worker, context.base), threads, threadMemoryMb, ...process }
  }
  return { kind: 'stdio', command: resolveCommand(command ?? '', context.base), args: [...(unit.args ?? [])], ...process }
}

/** Its environment and where it runs. */
async function processOf(unit: UnitDescription, context: ValueContext): Promise<{ env: Record<string, string>; cwd: string }> {
  const fromFile = unit.envFile === undefined ? {} : parseEnvFile(await readText(absolute(unit.envFile, context.base)))
  return { env: mapValues({ ...fromFile, ...unit.env }, context), cwd: absolute(unit.cwd ?? '.', context.base) }
}
