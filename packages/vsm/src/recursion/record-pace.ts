import { RECORD_GAP_MS, RECORD_PERIOD_MS } from './constants.ts'
import type { RecordOrder } from './record-head.ts'

/** Of which term somebody leads. */
export interface Office {
  readonly epoch: number
  readonly term: number
}

/** When a group makes its next record: at once in a new term, soon after news, else every period. */
export class RecordPace {
  #office: Office | undefined
  #sequence = 0
  #lastMs = Number.NEGATIVE_INFINITY
  #news = ''

  /** Not before this, milliseconds, is there anything to ask `next` for. */
  get notBeforeMs(): number {
    return this.#lastMs + RECORD_GAP_MS
  }

  /**
   * @param news sums up what cannot wait for the period
   * @returns the order of the record to be made now, or undefined when none is due
   */
  next(office: Office, news: string, nowMs: number): RecordOrder | undefined {
    const isNewOffice = this.#office?.epoch !== office.epoch || this.#office.term !== office.term
    const sinceMs = nowMs - this.#lastMs
    // A clock that was put back makes no group silent.
    const isDue = sinceMs < 0 || sinceMs >= RECORD_PERIOD_MS || (sinceMs >= RECORD_GAP_MS && news !== this.#news)
    if (!isNewOffice && !isDue) return undefined
    if (isNewOffice) this.#sequence = 0
    this.#office = { epoch: office.epoch, term: office.term }
    this.#news = news
    this.#lastMs = nowMs
    return { ...this.#office, sequence: this.#sequence++ }
  }
}
