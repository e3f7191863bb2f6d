import { z } from 'zod'
import { type HostPort, parseHostPort, toMultiaddr } from './address.ts'

const text = z.string({ error: 'text is needed' })

const multiaddr = text.transform((value, context): string => {
  const address = toMultiaddr(value)
  if (address !== undefined) return address
  context.addIssue(`"${value}" is neither a multiaddr such as /ip4/0.0.0.0/tcp/4950 nor HOST:PORT`)
  return z.NEVER
})
const addresses = z.array(multiaddr, { error: 'a list of addresses is needed' })

const amount = z
  .union([z.number(), z.string()], { error: 'a number is needed' })
  .transform(Number)
  .refine((value) => Number.isFinite(value) && value > 0, 'a number above 0 is needed')

/**
 * Every configuration key, by its name in `vsmcp.yaml`: what it may be, its environment variable and its option. A list is
 * comma-separated in the environment.
 */
export const KEYS = {
  name: {
    variable: 'VSMCP_NAME',
    option: '--name',
    schema: text
      .min(1, 'a name is needed')
      .max(64, 'at most 64 characters')
      .regex(/^[^\p{C}]*$/u, 'no control characters'),
    allowed: 'text of up to 64 characters',
  },
  listen: {
    variable: 'VSMCP_LISTEN',
    option: '--listen',
    schema: addresses.min(1, 'at least one address is needed'),
    allowed: 'a list of multiaddrs or HOST:PORT; port 0 takes a free one',
  },
  advertise: {
    variable: 'VSMCP_ADVERTISE',
    option: '--advertise',
    schema: addresses,
    allowed: 'a list of multiaddrs or HOST:PORT',
  },
  bootstrap: {
    variable: 'VSMCP_BOOTSTRAP',
    option: '--bootstrap',
    schema: addresses,
    allowed: 'a list of multiaddrs or HOST:PORT',
  },
  mdns: {
    variable: 'VSMCP_MDNS',
    option: '--mdns',
    schema: z.enum(['on', 'off'], { error: 'on or off is needed' }),
    allowed: 'on or off',
  },
  pnetKey: {
    variable: 'VSMCP_PNET_KEY',
    option: '--pnet-key',
    schema: text.min(1, 'the path of a file is needed'),
    allowed: 'the path of a file that "vsmcp key pnet --new FILE" made',
  },
  http: {
    variable: 'VSMCP_HTTP',
    option: '--http',
    schema: text.transform((value, context): HostPort => {
      const found = parseHostPort(value)
      if (found !== undefined) return found
      context.addIssue(`"${value}" is not HOST:PORT, such as 127.0.0.1:4951`)
      return z.NEVER
    }),
    allowed: 'HOST:PORT; port 0 takes a free one',
  },
  httpTokenFile: {
    variable: 'VSMCP_HTTP_TOKEN_FILE',
    option: '--http-token-file',
    schema: text.min(1, 'the path of a file is needed'),
    allowed: 'the path of a file that holds the token',
  },
  concurrency: {
    variable: 'VSMCP_CONCURRENCY',
    option: '--concurrency',
    schema: amount.refine((value) => Number.isInteger(value), 'a whole number is needed'),
    allowed: 'a whole number of calls',
  },
  rate: {
    variable: 'VSMCP_RATE',
    option: '--rate',
    schema: amount,
    allowed: 'calls per second',
  },
  profile: {
    variable: 'VSMCP_PROFILE',
    option: '--profile',
    schema: z.enum(['mesh', 'edge'], { error: 'mesh or edge is needed' }),
    allowed: 'mesh or edge',
  },
  logLevel: {
    variable: 'VSMCP_LOG_LEVEL',
    option: '--log-level',
    schema: z.enum(['debug', 'info', 'warn', 'error'], { error: 'debug, info, warn or error is needed' }),
    allowed: 'debug, info, warn or error',
  },
} as const

export type ConfigKey = keyof typeof KEYS

/** Checked values, by key. */
export type ConfigValues = { [K in ConfigKey]?: z.output<(typeof KEYS)[K]['schema']> }

/** Values as given, by key: text, or a list of texts. */
export type RawValues = { [K in ConfigKey]?: string | readonly string[] }

export const CONFIG_KEYS = Object.keys(KEYS) as ConfigKey[]
export const LIST_KEYS: ReadonlySet<ConfigKey> = new Set(['listen', 'advertise', 'bootstrap'])
