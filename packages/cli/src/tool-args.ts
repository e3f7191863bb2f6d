import { UsageError } from './errors.ts'
import { readInput } from './input.ts'
import type { Session } from './session.ts'

/** The arguments of a tool: a JSON object, `-` for standard input, `@FILE`; none are given as `{}`. Throws `UsageError`, `FileError`. */
export async function parseToolArgs(given: string | undefined, session: Session): Promise<Record<string, unknown>> {
  if (given === undefined) return {}
  const from = given === '-' ? 'standard input' : given.startsWith('@') ? given.slice(1) : '--args'
  const text = given === '-' || given.startsWith('@') ? await readInput(given.replace(/^@/, ''), session) : given
  const hint = 'Give a JSON object, such as --args \'{"path":"/tmp"}\'; in a shell, put it in single quotes.'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`${from} is not JSON: ${(cause as Error).message}`, { hint, cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UsageError(`${from} is JSON, but not an object`, { hint })
}
