import type { Startable, UnitName } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import {
  ErrorSense,
  type ErrorVerdict,
  LatencySense,
  type LatencyVerdict,
  organ,
  type Signal,
  type UnitFigures,
} from '@vsmcp/vsm'
import { UNCALLED_WINDOWS } from '../constants.ts'
import type { LocalUnits } from '../system1/local-units.ts'
import type { Operations } from '../system1/operations.ts'
import type { Keeping } from '../tree/checkpoint.ts'
import type { SensedKept } from '../tree/checkpoints.ts'
import type { Algedonic } from './algedonic.ts'

export interface UnitSensesComponents {
  algedonic: Algedonic
  operations: Operations
  units: LocalUnits
  /** What a life of it leaves to the next. */
  checkpoint: Keeping<readonly SensedKept[]>
}

type Pain = Pick<Signal, 'source' | 'subject' | 'severity'>

interface Sensed {
  /** Windows without a call, on end. */
  uncalled: number
  readonly errors: { readonly sense: ErrorSense; readonly pain: Pain }
  readonly latency: { readonly sense: LatencySense; readonly pain: Pain }
}

/** Feels, by what System 1 measures of each unit, whether it fails more or is slower than it usually does: by statistics, never by a threshold. */
export class UnitSenses implements Startable {
  readonly #c: UnitSensesComponents
  readonly #sensed = new Map<UnitName, Sensed>()
  #offs: (() => void)[] = []

  constructor(components: UnitSensesComponents) {
    this.#c = components
  }

  async start(): Promise<void> {
    const { operations, units, algedonic, checkpoint } = this.#c
    const kept = await checkpoint.begin(() => this.#snapshot())
    this.#sensed.clear()
    for (const { unit, ...known } of kept?.state ?? []) this.#sensedOf(unit, known)
    this.#offs = [
      operations.on('measured', ({ unit, figures }) => this.#look(unit, figures)),
      units.on('unit:gone', ({ name }) => this.#forget(name)),
      algedonic.on('own', ({ event, alert: { source, subject } }) => {
        if (event === 'over' && source.unit !== undefined) this.#accept(source.unit, subject)
      }),
    ]
  }

  async stop(): Promise<void> {
    for (const off of this.#offs) off()
    await this.#c.checkpoint.end()
  }

  #snapshot(): SensedKept[] {
    return [...this.#sensed].map(([unit, { uncalled, errors, latency }]) => {
      return { unit, uncalled, errors: errors.sense.snapshot(), latency: latency.sense.snapshot() }
    })
  }

  #look(unit: Unit, { calls, errors, answered }: UnitFigures): void {
    const sensed = this.#sensedOf(unit.name)
    sensed.uncalled = calls === 0 ? sensed.uncalled + 1 : 0
    if (sensed.uncalled === UNCALLED_WINDOWS) this.#letGo(sensed, 'nobody has called it for a while')
    const failing = sensed.errors.sense.observe({ calls, errors: Math.min(errors, calls) })
    if (failing !== undefined) this.#tell(sensed.errors.pain, failing, errorText(failing))
    const medianMs = unit.latencies(answered)?.p50Ms ?? null
    const slow = sensed.latency.sense.observe({ answered, medianMs })
    if (slow !== undefined) this.#tell(sensed.latency.pain, slow, latencyText(slow))
  }

  #tell(pain: Pain, { feeling }: ErrorVerdict | LatencyVerdict, text: string): void {
    const { algedonic } = this.#c
    if (feeling === 'pain') algedonic.feel({ ...pain, feeling, text })
    else algedonic.relieve(pain, text)
  }

  /** Somebody has resolved what it still feels: so be it. */
  #accept(unit: UnitName, subject: string): void {
    const sensed = this.#sensed.get(unit)
    if (sensed?.errors.pain.subject === subject) sensed.errors.sense.accept()
    if (sensed?.latency.pain.subject === subject) sensed.latency.sense.accept()
  }

  #forget(unit: UnitName): void {
    const sensed = this.#sensed.get(unit)
    this.#sensed.delete(unit)
    if (sensed !== undefined) this.#letGo(sensed, 'the unit was detached')
  }

  #letGo({ errors, latency }: Sensed, reason: string): void {
    for (const { sense, pain } of [errors, latency]) {
      sense.accept()
      this.#c.algedonic.remedy(pain, reason)
    }
  }

  #sensedOf(unit: UnitName, kept?: Omit<SensedKept, 'unit'>): Sensed {
    const known = this.#sensed.get(unit)
    if (known !== undefined) return known
    const source = organ('system1', unit)
    const made: Sensed = {
      uncalled: kept?.uncalled ?? 0,
      errors: {
        sense: new ErrorSense(kept?.errors),
        pain: { source, severity: 'high', subject: `unit ${unit} fails more than usual` },
      },
      latency: {
        sense: new LatencySense(kept?.latency),
        pain: { source, severity: 'low', subject: `unit ${unit} is slower than usual` },
      },
    }
    this.#sensed.set(unit, made)
    return made
  }
}

const percent = (share: number): string => `${(share * 100).toPrecision(3)} %`

function errorText({ share, usual, probability }: ErrorVerdict): string {
  return `${percent(share)} of its calls fail, usually ${percent(usual)}; too many with a probability of ${probability.toPrecision(4)}.`
}

function latencyText({ medianMs, usualMs, probability }: LatencyVerdict): string {
  const figures = `A call takes ${medianMs.toPrecision(3)} ms, usually ${usualMs.toPrecision(3)} ms`
  return `${figures}; it stays twice as slow with a probability of ${probability.toPrecision(3)}.`
}
