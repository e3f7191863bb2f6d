import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import type { Network } from '../../netns/namespaces.ts'
import { P2P_PORT, PROXY_PORT } from './constants.ts'

const program = fileURLToPath(new URL('slow-proxy.ts', import.meta.url))

/**
 * The link of one host, whose delay can be set. All of its connections come in by a proxy at the host itself; it can make none
 * on its own, and nobody gets past the proxy.
 */
export class SlowLink {
  readonly #proxy: ChildProcess
  readonly #lines: Interface

  private constructor(proxy: ChildProcess, lines: Interface) {
    this.#proxy = proxy
    this.#lines = lines
  }

  static async start(network: Network, host: string): Promise<SlowLink> {
    const address = network.addressOf(host)
    const args = [process.execPath, program, `${address}:${PROXY_PORT}`, `${address}:${P2P_PORT}`]
    const proxy = network.spawn(host, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    if (proxy.stdout === null) throw new Error('the proxy has no output')
    const lines = createInterface(proxy.stdout)
    await once(lines, 'line')
    return new SlowLink(proxy, lines)
  }

  /** From now on nothing passes but by the proxy; connections that do are reset. */
  static async close(network: Network, host: string): Promise<void> {
    // A reset that we send ourselves must get out.
    const rule = (port: 'dport' | 'sport'): string => `tcp ${port} ${P2P_PORT} tcp flags & rst == 0 reject with tcp reset;`
    const chain = (hook: 'input' | 'output', side: 'iifname' | 'oifname'): string =>
      `chain ${hook} { type filter hook ${hook} priority 10; ${side} lan ${rule('dport')} ${side} lan ${rule('sport')} }\n`
    await network.nft(host, `table inet slow {\n${chain('input', 'iifname')}${chain('output', 'oifname')}}\n`)
  }

  /** Every byte is held back for so long, each way. */
  async delay(ms: number): Promise<void> {
    await this.#order(String(ms))
  }

  /** What comes from this address is kept back, in order, until it is released. */
  async hold(address: string): Promise<void> {
    await this.#order(`hold ${address}`)
  }

  async release(): Promise<void> {
    await this.#order('release')
  }

  async #order(line: string): Promise<void> {
    this.#proxy.stdin?.write(`${line}\n`)
    await once(this.#lines, 'line')
  }
}
