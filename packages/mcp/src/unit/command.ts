import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'
import { InvalidArgumentError } from '@vsmcp/kernel'
import { UnitStartError } from './errors.ts'

/**
 * What a server inherits of the node's environment: what programs need to run at all, where proxies and certificates are,
 * and nothing that is a secret, unless a proxy's address holds one. All else is given by `env`, if need be as `env:NAME`.
 */
const INHERITED: readonly string[] = (
  'PATH HOME USER LOGNAME SHELL TERM LANG LC_ALL LC_CTYPE TZ TMPDIR ' +
  'HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ' +
  'SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME'
).split(' ')

/** POSIX, "Environment Variable Definition": the launching shell drops others without a word. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

export function assertEnvironmentNames(unit: string, env: Readonly<Record<string, string>>): void {
  const bad = Object.keys(env).find((name) => !NAME.test(name))
  if (bad === undefined) return
  throw new InvalidArgumentError(`"${bad}" cannot be the name of an environment variable of unit ${unit}`, {
    hint: 'Use letters, digits and underscores, not beginning with a digit.',
  })
}

/** @param given wins over what is inherited */
export function serverEnvironment(
  environment: (name: string) => string | undefined,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = environment(name)
    if (value !== undefined) env[name] = value
  }
  return { ...env, ...given }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/**
 * Finds the program as a shell would, so that a wrong command is told as one and not by an exit code.
 * @returns an absolute path
 * @throws `UnitStartError`
 */
export async function findCommand(unit: string, command: string, cwd: string, path: string): Promise<string> {
  const isDirectory = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isDirectory) {
    throw new UnitStartError(`unit ${unit} cannot start: its working directory ${cwd} does not exist`, {
      hint: 'Create it, or attach the server again with another --cwd.',
      details: { unit },
    })
  }
  const candidates = command.includes('/')
    ? [resolve(cwd, command)]
    : path.split(delimiter).map((directory) => join(resolve(cwd, directory), command))
  for (const candidate of candidates) if (await isExecutable(candidate)) return candidate
  const where = command.includes('/') ? '' : ' on the PATH'
  throw new UnitStartError(`unit ${unit} cannot start: there is no program "${command}"${where}`, {
    hint: 'Install it, or give its full path. The command is run as it is, not by a shell: aliases, pipes and ~ do not work.',
    details: { unit, command },
  })
}
