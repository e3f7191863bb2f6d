import type { Clock } from '@vsmcp/kernel'

/** Milliseconds within which connections of one source are counted. */
const WINDOW_MS = 1_000

/** Counts connections by where they come from: an IPv4 address, or the /64 that one IPv6 subscriber has to itself. */
export class InboundRate {
  readonly #perSecond: number
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #windowMs = 0

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond
    this.#clock = clock
  }

  /** @returns whether one more is within the rate */
  takes(ip: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#counts.clear()
      this.#windowMs = nowMs
    }
    const source = sourceOf(ip)
    const count = (this.#counts.get(source) ?? 0) + 1
    this.#counts.set(source, count)
    return count <= this.#perSecond
  }
}

/** The network whose members one subscriber can choose freely: `192.0.2.7`, `2001:db8:0:7::/64`. */
export function sourceOf(ip: string): string {
  const mapped = /^(?:::ffff:|64:ff9b::)(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  if (!ip.includes(':')) return ip
  const [head = '', tail] = (ip.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length)
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...after]
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}
