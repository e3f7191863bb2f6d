import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../errors.ts'
import { readText } from '../input.ts'
import { isLoopback } from './address.ts'
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, KEYS, LIST_KEYS, type RawValues } from './keys.ts'
import { checkLocated, parseLocated } from './located.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What `up` runs with: checked once, then frozen. */
export type NodeConfig = Readonly<
  Required<Pick<ConfigValues, 'listen' | 'advertise' | 'bootstrap' | 'mdns' | 'http' | 'profile' | 'logLevel'>> &
    Pick<ConfigValues, 'name' | 'httpTokenFile' | 'pnetKey' | 'concurrency' | 'rate'>
>

export interface ConfigSources {
  /** From the command line; `undefined` where an option was not given. */
  flags: { [K in ConfigKey]?: string | readonly string[] | undefined }
  env: Env
  cwd: string
  /** Where `vsmcp.yaml` may be. */
  dataDir: string
  /** `--config`: read instead, and it must be there. */
  configFile?: string | undefined
  /** What holds where nothing else is said. */
  defaults: { listen: readonly string[]; http: string }
}

/**
 * What a profile changes of the defaults. An edge box writes to flash, over a line that is paid for; and it is put where
 * nobody keeps a list of addresses.
 */
const PROFILES: Readonly<Record<'mesh' | 'edge', RawValues>> = {
  mesh: {},
  edge: { logLevel: 'warn', mdns: 'on' },
}

/**
 * Flags over `VSMCP_*` over `vsmcp.yaml` over the profile over the defaults. Every value given anywhere is checked, used
 * or not; `ConfigError` names what is wrong by file and line, variable or option, and says what is allowed.
 */
export async function resolveConfig(sources: ConfigSources): Promise<NodeConfig> {
  const { cwd, env, defaults } = sources
  const file = await readConfigFile(sources)
  const fromEnv = checkEach(fromVariables(env), (key) => KEYS[key].variable)
  const fromFlags = checkEach(given(sources.flags), (key) => KEYS[key].option)
  const { listen: defaultListen, http: defaultHttp } = defaults
  const none: readonly string[] = []
  const base = {
    listen: defaultListen,
    advertise: none,
    bootstrap: none,
    mdns: 'off',
    http: defaultHttp,
    profile: 'mesh',
    logLevel: 'info',
  } as const
  const said: ConfigValues = { ...file, ...at(fromEnv, cwd), ...at(fromFlags, cwd) }
  const profile = PROFILES[said.profile ?? base.profile]
  const checked: ConfigValues = { ...checkEach({ ...base, ...profile }, (key) => `the default of ${key}`), ...said }
  const { listen, advertise, bootstrap, mdns, http, logLevel } = checked
  if (listen === undefined || advertise === undefined || bootstrap === undefined) throw new TypeError('a list has no default')
  if (mdns === undefined || http === undefined || logLevel === undefined) throw new TypeError('a key has no default')
  if (!isLoopback(http.host) && checked.httpTokenFile === undefined) {
    throw new ConfigError(`the MCP endpoint would be open to everybody who reaches ${http.host}:${http.port}`, {
      hint: 'Give --http-token-file FILE (clients then send "Authorization: Bearer TOKEN"), or a loopback address such as 127.0.0.1.',
    })
  }
  const profiled = { ...checked, profile: checked.profile ?? base.profile }
  return Object.freeze({ ...profiled, listen, advertise, bootstrap, mdns, http, logLevel })
}

async function readConfigFile({ dataDir, configFile, env, cwd }: ConfigSources): Promise<ConfigValues> {
  const named = configFile ?? (env['VSMCP_CONFIG'] === '' ? undefined : env['VSMCP_CONFIG'])
  const path = named === undefined ? resolve(dataDir, 'vsmcp.yaml') : resolve(cwd, named)
  let text: string
  try {
    text = await readText(path)
  } catch (error) {
    const { code } = (error as Error).cause as NodeJS.ErrnoException
    if (named === undefined && (code === 'ENOENT' || code === 'ENOTDIR')) return {}
    throw error
  }
  const document = parseLocated(text, path)
  if (document.value === null || document.value === '') return {}
  const shape = z.strictObject(Object.fromEntries(CONFIG_KEYS.map((key) => [key, KEYS[key].schema.optional()])), {
    error: 'keys and values are needed',
  })
  const hint = `Allowed: ${CONFIG_KEYS.map((key) => `${key} (${KEYS[key].allowed})`).join('; ')}.`
  return at(checkLocated(document, shape, hint) as ConfigValues, dirname(path))
}

function fromVariables(env: Env): RawValues {
  const raw: RawValues = {}
  for (const key of CONFIG_KEYS) {
    const value = env[KEYS[key].variable]
    if (value === undefined || value === '') continue
    raw[key] = LIST_KEYS.has(key) ? value.split(',').map((each) => each.trim()) : value
  }
  return raw
}

function given(flags: ConfigSources['flags']): RawValues {
  return Object.fromEntries(CONFIG_KEYS.flatMap((key) => (flags[key] === undefined ? [] : [[key, flags[key]]])))
}

function checkEach(raw: RawValues, name: (key: ConfigKey) => string): ConfigValues {
  const checked: Record<string, unknown> = {}
  for (const key of CONFIG_KEYS) {
    if (raw[key] === undefined) continue
    const parsed = KEYS[key].schema.safeParse(raw[key])
    if (!parsed.success) {
      const why = parsed.error.issues.map((issue) => issue.message).join('; ')
      throw new ConfigError(`${name(key)}: ${why}`, { hint: `Allowed: ${KEYS[key].allowed}.` })
    }
    checked[key] = parsed.data
  }
  return checked
}

/** Paths are relative to where they were said. */
function at(values: ConfigValues, base: string): ConfigValues {
  const { httpTokenFile, pnetKey } = values
  return {
    ...values,
    ...(httpTokenFile === undefined ? {} : { httpTokenFile: resolve(base, httpTokenFile) }),
    ...(pnetKey === undefined ? {} : { pnetKey: resolve(base, pnetKey) }),
  }
}
