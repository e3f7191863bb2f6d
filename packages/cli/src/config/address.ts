import { isIP } from 'node:net'

const MULTIADDR =
  /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/(\d{1,5})(?:\/ws|\/wss|\/tls\/(?:sni\/[^/\s]+\/)?ws)?(?:\/p2p\/[A-Za-z0-9]+)?$/

/** A multiaddr, or a host and port made into one: `plant.example:4950`, `10.0.0.7:4950`, `[fd00::7]:4950`. */
export function toMultiaddr(text: string): string | undefined {
  if (text.startsWith('/')) {
    const port = MULTIADDR.exec(text)?.[1]
    return port !== undefined && Number(port) <= 65_535 ? text : undefined
  }
  const found = parseHostPort(text)
  if (found === undefined) return undefined
  const kind = { 4: 'ip4', 6: 'ip6', 0: 'dns' }[isIP(found.host)]
  return kind === undefined ? undefined : `/${kind}/${found.host}/tcp/${found.port}`
}

export interface HostPort {
  host: string
  port: number
}

/** `HOST:PORT`, the host of an IPv6 address in brackets. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const [, bracketed, plain, digits] = match
  const port = Number(digits)
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  return { host: bracketed ?? plain ?? '', port }
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
