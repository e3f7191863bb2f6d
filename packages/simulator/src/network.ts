import { type Random, randomInteger } from '@vsmcp/kernel'
import type { EventQueue } from './event-queue.ts'

/** How a network treats what is sent. All by chance, all independent for each message. */
export interface Weather {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** Chance that a message takes up to `slowMaxMs` instead, and so is overtaken by later ones. */
  readonly slow: number
  readonly slowMaxMs: number
  readonly loss: number
  readonly duplication: number
}

export const FAIR_WEATHER: Weather = { delayMinMs: 1, delayMaxMs: 5, slow: 0, slowMaxMs: 0, loss: 0, duplication: 0 }

/** Lines between processes, named by their keys. A line carries each direction by itself, and a connection needs both. */
export class Network {
  readonly #random: Random
  readonly #events: EventQueue
  readonly #now: () => number
  readonly #cut = new Set<string>()
  readonly #connections = new Set<string>()
  weather: Weather = FAIR_WEATHER

  constructor(random: Random, events: EventQueue, now: () => number) {
    this.#random = random
    this.#events = events
    this.#now = now
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
  }

  mend(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`)
  }

  mendAll(): void {
    this.#cut.clear()
  }

  /** Whether something sent now would get there. */
  carries(from: string, to: string): boolean {
    return !this.#cut.has(`${from}>${to}`)
  }

  isConnected(a: string, b: string): boolean {
    return this.#connections.has(lineOf(a, b))
  }

  /** @returns whether there was none before */
  connect(a: string, b: string): boolean {
    const line = lineOf(a, b)
    if (this.#connections.has(line)) return false
    this.#connections.add(line)
    return true
  }

  /** @returns whether there was one */
  disconnect(a: string, b: string): boolean {
    return this.#connections.delete(lineOf(a, b))
  }

  /** Delivers once, twice, late or never. What is under way when the line is cut is lost. */
  send(from: string, to: string, deliver: () => void): void {
    const { loss, duplication } = this.weather
    if (!this.carries(from, to) || this.#chance(loss)) return
    const copies = this.#chance(duplication) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      this.#events.add(this.#now() + this.delayMs(), () => {
        if (this.carries(from, to)) deliver()
      })
    }
  }

  delayMs(): number {
    const { delayMinMs, delayMaxMs, slow, slowMaxMs } = this.weather
    return randomInteger(this.#random, delayMinMs, this.#chance(slow) ? slowMaxMs : delayMaxMs)
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.next() < probability
  }
}

function lineOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
