import { existsSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'

export interface ValueContext {
  /** What relative paths are relative to. */
  base: string
  /** The caller's environment. */
  env: Readonly<Record<string, string | undefined>>
  /** Told of what may be a mistake. */
  warn: (text: string) => void
}

/**
 * Values for a unit's environment and headers. `env:NAME` and `file:PATH` are references: the node resolves them, from
 * *its* environment and disk, each time the unit starts, so that no secret is stored. Here the path is made absolute, and
 * what cannot be found from here is warned of.
 */
export function referTo(value: string, context: ValueContext): string {
  if (value.startsWith('file:')) {
    const path = absolute(value.slice('file:'.length), context.base)
    if (!existsSync(path)) context.warn(`${path} is not there; the node reads it when the unit starts`)
    return `file:${path}`
  }
  const name = /^env:(.*)$/s.exec(value)?.[1]
  if (name !== undefined && context.env[name] === undefined) {
    context.warn(`${name} is not set here; the node takes it from its own environment when the unit starts`)
  }
  return value
}

/** `K=V`, several times, into a record; a later one wins. */
export function parseAssignments(option: string, given: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {}
  for (const each of given) {
    const at = each.indexOf('=')
    if (at < 1) {
      const hint = option === '--env' && at < 0 ? ` To pass on the node's own ${each}, write ${each}=env:${each}.` : ''
      // What is given may be a secret with its name forgotten: it is not repeated.
      throw new UsageError(`${option}: NAME=VALUE is needed`, { hint: `Such as ${option} LANG=en.${hint}` })
    }
    values[each.slice(0, at)] = each.slice(at + 1)
  }
  return values
}

/** A file of `NAME=VALUE` lines, as Node's own `--env-file` reads them. */
export function parseEnvFile(text: string): Record<string, string> {
  return Object.fromEntries(Object.entries(parseEnv(text)).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

export function mapValues(values: Readonly<Record<string, string>>, context: ValueContext): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, referTo(value, context)]))
}

/** A command with a slash is a path, from the caller's directory; a bare name is looked up by the node, on its PATH. */
export function resolveCommand(command: string, base: string): string {
  return command.includes('/') ? absolute(command, base) : command
}

export function absolute(path: string, base: string): string {
  const fromHome = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
  return isAbsolute(fromHome) ? fromHome : resolve(base, fromHome)
}
