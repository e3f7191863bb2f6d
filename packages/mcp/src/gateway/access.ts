import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server'

export interface AccessInit {
  host: string
  token: string | undefined
  allowedHosts: readonly string[]
  allowedOrigins: readonly string[]
}

export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

/** Hosts whose name was checked are remembered up to this many: clients use a handful. */
const KNOWN_HOSTS_MAX = 64

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * Who may talk to the endpoint over TCP. A web page that had its own name resolve to this machine ("DNS rebinding") is known by
 * the `Host` and `Origin` it cannot choose; a client from elsewhere must know the token.
 */
export class Access {
  readonly #hosts: string[] | undefined
  readonly #origins: string[]
  readonly #token: Buffer | undefined
  readonly #knownHosts = new Set<string>()

  constructor({ host, token, allowedHosts, allowedOrigins }: AccessInit) {
    const own = inUrl(host)
    // Off loopback nobody knows all the names this machine has; there the token keeps strangers out.
    const isOpen = !isLoopback(host) && allowedHosts.length === 0
    this.#hosts = isOpen ? undefined : [...localhostAllowedHostnames(), own, ...allowedHosts]
    this.#origins = [...localhostAllowedOrigins(), own, ...allowedOrigins]
    this.#token = token === undefined ? undefined : digest(token)
  }

  check({ headers }: IncomingMessage): Refusal | undefined {
    const { host, origin } = headers
    if (this.#hosts !== undefined && !this.#isKnownHost(host ?? '')) {
      return { status: 403, message: `Invalid Host: ${host ?? '(missing)'}` }
    }
    if (origin !== undefined) {
      const checked = validateOriginHeader(origin, this.#origins)
      if (!checked.ok) return { status: 403, message: checked.message }
    }
    return this.#token === undefined || this.#holdsToken(headers.authorization ?? '', this.#token)
      ? undefined
      : { status: 401, message: 'Unauthorized: a bearer token is required' }
  }

  #isKnownHost(host: string): boolean {
    if (this.#knownHosts.has(host)) return true
    const isAllowed = validateHostHeader(host, this.#hosts ?? []).ok
    if (isAllowed && this.#knownHosts.size < KNOWN_HOSTS_MAX) this.#knownHosts.add(host)
    return isAllowed
  }

  /** In constant time, whatever is sent: digests have one length. */
  #holdsToken(authorization: string, expected: Buffer): boolean {
    const given = /^bearer +(?<token>\S+)$/i.exec(authorization)?.groups?.['token'] ?? ''
    return timingSafeEqual(digest(given), expected)
  }
}
