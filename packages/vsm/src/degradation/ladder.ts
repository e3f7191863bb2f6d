import {
  FALL_LOOKS,
  FALL_LOOKS_MAX,
  LOAD_ESSENTIAL,
  LOAD_REDUCED,
  LOOP_ESSENTIAL_MS,
  LOOP_REDUCED_MS,
  RELAPSE_LOOKS,
  RISE_LOOKS,
} from './constants.ts'

/**
 * What a node still does, from all to the least. `cached`: what it shows of others is what it knew last. `reduced`: besides that, work
 * that can wait is not begun. `essential`: besides that, only calls of what was declared essential are served.
 */
export const DEGRADATION_STEPS = ['normal', 'cached', 'reduced', 'essential'] as const
export type DegradationStep = (typeof DEGRADATION_STEPS)[number]

/** How a node is, as measured at one look. */
export interface Signs {
  readonly hasSystem5: boolean
  /** Units that are listed though their nodes are not reached. */
  readonly unitsAway: number
  readonly storeAccepts: boolean
  /** How late timers of the node came at the worst since the last look, milliseconds. */
  readonly loopLagMs: number
  /** What its units want of what it shares out among them, what was refused for want of it included: above 1 some wait for others. */
  readonly load: number
  /** Without anything essential here nothing would be gained by serving nothing else. */
  readonly hasEssential: boolean
}

export type Sign = 'system5' | 'units' | 'store' | 'loop' | 'load'

/** A sign that asks for the step the node is on, or for one above. */
export interface Reason {
  readonly sign: Sign
  readonly value: number
}

interface Rung {
  readonly sign: Sign
  readonly step: Exclude<DegradationStep, 'normal'>
  readonly value: (signs: Signs) => number
  readonly enter: number
  readonly stay: number
  /** So or not so, and no matter of a moment's measurement. */
  readonly isFact: boolean
}

const fact = { enter: 1, stay: 1, isFact: true }
const measured = { isFact: false }

/** Each sign, the step it asks for, and from when until when. */
const RUNGS: readonly Rung[] = [
  { sign: 'system5', step: 'cached', value: ({ hasSystem5 }) => Number(!hasSystem5), ...fact },
  { sign: 'units', step: 'cached', value: ({ unitsAway }) => unitsAway, ...fact },
  { sign: 'store', step: 'reduced', value: ({ storeAccepts }) => Number(!storeAccepts), ...fact },
  { sign: 'loop', step: 'reduced', value: ({ loopLagMs }) => loopLagMs, ...LOOP_REDUCED_MS, ...measured },
  { sign: 'load', step: 'reduced', value: ({ load }) => load, ...LOAD_REDUCED, ...measured },
  { sign: 'loop', step: 'essential', value: ({ loopLagMs }) => loopLagMs, ...LOOP_ESSENTIAL_MS, ...measured },
  { sign: 'load', step: 'essential', value: ({ load }) => load, ...LOAD_ESSENTIAL, ...measured },
]

const indexOf = (step: DegradationStep): number => DEGRADATION_STEPS.indexOf(step)

/**
 * Degradation in steps: looked at once a second, by measured signs alone. What is a fact counts at once; what is measured must be so several
 * times in a row, and its thresholds lie apart, so that a step is not taken and left again by chance. Downwards it goes step by step, each
 * only after a while; a step that is soon needed again is left more slowly the next time.
 */
export class DegradationLadder {
  #step = 0
  #sinceMs: number
  #reasons: readonly Reason[] = []
  readonly #active = new Set<Rung>()
  /** What the last looks in a row wanted, all above the step, and how many of them were below it. */
  #wantedAbove: number[] = []
  #below = 0
  #looks = 0
  /** By step: when it was left last, and how many looks it takes to leave it. */
  readonly #leftAt = new Map<number, number>()
  readonly #patience = new Map<number, number>()

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  get step(): DegradationStep {
    return DEGRADATION_STEPS[this.#step] ?? 'normal'
  }

  /** When the step was taken. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /** What asks for it; the last that did while none does any more. */
  get reasons(): readonly Reason[] {
    return this.#reasons
  }

  /** @returns whether the step is another now */
  look(signs: Signs, nowMs: number): boolean {
    this.#looks++
    const before = this.#step
    const active = RUNGS.filter((rung) => this.#isActive(rung, signs))
    const wanted = Math.max(0, ...active.map(({ step }) => indexOf(step)))
    const certain = Math.max(0, ...active.filter(({ isFact }) => isFact).map(({ step }) => indexOf(step)))
    if (wanted > this.#step) this.#wantMore(wanted, certain)
    else {
      this.#wantedAbove = []
      if (wanted < this.#step) this.#wantLess()
      else this.#below = 0
    }
    if (this.#step !== before) this.#sinceMs = nowMs
    const asking = active.filter(({ step }) => indexOf(step) >= this.#step)
    if (this.#step === 0) this.#reasons = []
    else if (asking.length > 0) this.#reasons = reasonsOf(asking, signs)
    return this.#step !== before
  }

  #isActive(rung: Rung, signs: Signs): boolean {
    const { value, enter, stay, step } = rung
    const isMet = value(signs) >= (this.#active.has(rung) ? stay : enter) && (step !== 'essential' || signs.hasEssential)
    if (isMet) this.#active.add(rung)
    else this.#active.delete(rung)
    return isMet
  }

  #wantMore(wanted: number, certain: number): void {
    this.#below = 0
    this.#wantedAbove.push(wanted)
    const enough = this.#wantedAbove.length >= RISE_LOOKS ? Math.min(...this.#wantedAbove) : 0
    const step = Math.max(this.#step, certain, enough)
    if (step === this.#step) return
    this.#wantedAbove = []
    for (let each = this.#step + 1; each <= step; each++) this.#entered(each)
    this.#step = step
  }

  #wantLess(): void {
    this.#below++
    if (this.#below < (this.#patience.get(this.#step) ?? FALL_LOOKS)) return
    this.#below = 0
    this.#leftAt.set(this.#step, this.#looks)
    this.#step--
  }

  #entered(step: number): void {
    const left = this.#leftAt.get(step)
    const isRelapse = left !== undefined && this.#looks - left <= RELAPSE_LOOKS
    const patience = this.#patience.get(step) ?? FALL_LOOKS
    this.#patience.set(step, isRelapse ? Math.min(FALL_LOOKS_MAX, 2 * patience) : FALL_LOOKS)
  }
}

/** Each sign once. */
function reasonsOf(rungs: readonly Rung[], signs: Signs): Reason[] {
  return [...new Map(rungs.map(({ sign, value }) => [sign, { sign, value: value(signs) }])).values()]
}
