import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Bounds the connections of a server so that those opened and left cannot keep others out: beyond the bound the one that has
 * been idle for longest is closed. A connection is idle until a whole request has arrived, and again after its answer.
 */
export class Connections {
  readonly #max: number
  /** In the order in which they became idle. */
  readonly #idle = new Set<Socket>()
  readonly #busy = new Set<Socket>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#idle.size + this.#busy.size
  }

  /** Call for each server whose connections count. */
  watch(server: Server): void {
    server.on('connection', (socket) => this.#opened(socket))
    server.on('request', (request, response) => {
      const { socket } = request
      request.once('end', () => this.#became(socket, this.#busy))
      response.once('close', () => this.#became(socket, this.#idle))
    })
  }

  closeAll(): void {
    for (const socket of [...this.#idle, ...this.#busy]) socket.destroy()
  }

  #opened(socket: Socket): void {
    if (this.size >= this.#max) {
      const [oldest] = this.#idle
      if (oldest === undefined) {
        socket.destroy()
        return
      }
      this.#idle.delete(oldest)
      oldest.destroy()
    }
    this.#idle.add(socket)
    socket.once('close', () => {
      this.#idle.delete(socket)
      this.#busy.delete(socket)
    })
  }

  #became(socket: Socket, state: Set<Socket>): void {
    this.#idle.delete(socket)
    this.#busy.delete(socket)
    if (!socket.destroyed) state.add(socket)
  }
}
