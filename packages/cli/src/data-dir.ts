import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { UsageError } from './errors.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * The data directory: `--data-dir`, else `VSMCP_DATA_DIR`, else `$XDG_STATE_HOME/vsmcp`, else `~/.local/state/vsmcp`.
 * A relative `XDG_STATE_HOME` is ignored, as its specification says.
 */
export function resolveDataDir(flag: string | undefined, env: Env, cwd: string): string {
  if (flag === '') throw new UsageError('--data-dir is empty', { hint: 'Name the directory of the node.' })
  const given = flag ?? nonEmpty(env['VSMCP_DATA_DIR'])
  if (given !== undefined) return resolve(cwd, given)
  const state = env['XDG_STATE_HOME']
  const base = state !== undefined && isAbsolute(state) ? state : join(nonEmpty(env['HOME']) ?? homedir(), '.local', 'state')
  return join(base, 'vsmcp')
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
