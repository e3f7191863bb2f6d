import { CLEAN_AUDITS, EVIDENCE_MAX, P_MIN } from './constants.ts'

/** What it has added up to. */
export interface KeptEvidence {
  readonly log: number
  readonly clean: number
  readonly against: number
  readonly accuses: boolean
}

/**
 * Evidence over a sequence of audits. Each p-value p is made an e-value 1 / (2 √p) (V. Vovk, R. Wang, "E-values: calibration, combination
 * and applications", Annals of Statistics 49, 2021); their running product, never below 1, is an e-detector (J. Shin, A. Ramdas,
 * A. Rinaldo, "E-detectors", 2023): while the claims are honest it takes at least 10⁶ audits on average until it says otherwise, however
 * often one looks.
 */
export class Evidence {
  #log = 0
  #clean = 0
  #against = 0
  #accuses = false

  constructor(kept?: KeptEvidence) {
    if (kept === undefined) return
    this.#log = kept.log
    this.#clean = kept.clean
    this.#against = kept.against
    this.#accuses = kept.accuses
  }

  snapshot(): KeptEvidence {
    return { log: this.#log, clean: this.#clean, against: this.#against, accuses: this.#accuses }
  }

  /** Audits that have added up to what there is against it. */
  get audits(): number {
    return this.#against
  }

  get accuses(): boolean {
    return this.#accuses
  }

  /** Something speaks against it, and not yet enough. */
  get suspects(): boolean {
    return this.#log > 0 && !this.#accuses
  }

  /** @returns whether it now accuses and did not before, or the other way round */
  add(p: number): 'accused' | 'cleared' | undefined {
    this.#log = Math.max(0, this.#log - Math.log(2 * Math.sqrt(Math.max(P_MIN, p))))
    this.#against = this.#log > 0 ? this.#against + 1 : 0
    // One over the square root of 1 / 4: from there on an audit speaks for the host.
    this.#clean = p > 0.25 ? this.#clean + 1 : 0
    if (!this.#accuses && this.#log >= Math.log(EVIDENCE_MAX)) {
      this.#accuses = true
      return 'accused'
    }
    if (!this.#accuses || this.#clean < CLEAN_AUDITS) return undefined
    this.#accuses = false
    this.#log = 0
    this.#against = 0
    return 'cleared'
  }
}
