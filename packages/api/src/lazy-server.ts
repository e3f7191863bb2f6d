import type { Startable } from '@vsmcp/kernel'
import type { ApiServerInit } from './index.ts'

/** The server, whose code (an HTTP framework, the schemas) is loaded when it starts: commands that only ask never load it. */
export class LazyServer implements Startable {
  readonly #init: ApiServerInit
  #server: Startable | undefined

  constructor(init: ApiServerInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    const { ControlServer } = await import('./control-server.ts')
    const server = new ControlServer(this.#init)
    this.#server = server
    await server.start()
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }
}
