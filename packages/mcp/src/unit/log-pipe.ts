import { stripVTControlCharacters } from 'node:util'
import type { Clock } from '@vsmcp/kernel'
import type { UnitLogLine } from '../contract.ts'
import { LOG_LINE_LENGTH_MAX, LOG_LINES_PER_SECOND, STDERR_LINES_KEPT } from './constants.ts'

/** What could move the cursor or ring the bell of a person's terminal; tabs stay. */
const CONTROL = /[^\P{Cc}\t]/gu

/**
 * What a server writes besides its answers: cut, cleaned, at most so many lines a second, the last lines of stderr kept.
 */
export class LogPipe {
  readonly #clock: Clock
  readonly #emit: (line: UnitLogLine) => void
  #tail: string[] = []
  #secondBegan = Number.NEGATIVE_INFINITY
  #inSecond = 0
  #dropped = 0

  constructor(clock: Clock, emit: (line: UnitLogLine) => void) {
    this.#clock = clock
    this.#emit = emit
  }

  write(source: UnitLogLine['source'], level: string, raw: string): void {
    const cut = raw.length > LOG_LINE_LENGTH_MAX ? `${raw.slice(0, LOG_LINE_LENGTH_MAX)}… (${raw.length} characters)` : raw
    const text = stripVTControlCharacters(cut).replace(CONTROL, '')
    if (source === 'stderr') {
      this.#tail.push(text)
      if (this.#tail.length > STDERR_LINES_KEPT * 2) this.#tail = this.#tail.slice(-STDERR_LINES_KEPT)
    }
    const now = this.#clock.monotonicMs()
    if (now - this.#secondBegan >= 1_000) this.#nextSecond(now)
    if (++this.#inSecond > LOG_LINES_PER_SECOND) this.#dropped++
    else this.#emit({ atMs: this.#clock.wallMs(), source, level, text })
  }

  /** Oldest first. */
  tail(): readonly string[] {
    return this.#tail.slice(-STDERR_LINES_KEPT)
  }

  /** Forgets the lines kept: another life of the server begins. */
  clear(): void {
    this.#tail = []
  }

  #nextSecond(now: number): void {
    this.#secondBegan = now
    this.#inSecond = 0
    if (this.#dropped === 0) return
    const text = `${this.#dropped} more lines within a second were left out`
    this.#dropped = 0
    this.#emit({ atMs: this.#clock.wallMs(), source: 'stderr', level: 'warning', text })
  }
}
