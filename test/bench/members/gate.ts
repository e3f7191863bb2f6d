import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Listens where a node was, takes connections, and carries nothing until it is opened: then it leads to where the node is now. */
export class Gate {
  readonly #server: Server
  readonly #held = new Map<Socket, number>()
  #target: number | undefined

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.#held.delete(socket))
      if (this.#target !== undefined) lead(socket, this.#target)
      else this.#held.set(socket, performance.now())
    })
  }

  static async start(port: number): Promise<Gate> {
    const server = createServer({ pauseOnConnect: true }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new Gate(server)
  }

  /** Connections that stand before it, the oldest no older than this. */
  waiting(ageMaxMs: number): number {
    const now = performance.now()
    const ages = [...this.#held.values()].map((since) => now - since)
    return ages.every((age) => age <= ageMaxMs) ? ages.length : 0
  }

  open(port: number): void {
    this.#target = port
    for (const socket of this.#held.keys()) lead(socket, port)
    this.#held.clear()
  }

  close(): void {
    this.#server.close()
  }
}

function lead(socket: Socket, port: number): void {
  const onward = connect(port, '127.0.0.1')
  onward.on('error', () => socket.destroy())
  onward.on('close', () => socket.destroy())
  socket.on('close', () => onward.destroy())
  socket.pipe(onward)
  onward.pipe(socket)
  socket.resume()
}
