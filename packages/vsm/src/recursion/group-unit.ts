import type { UnitName } from '@vsmcp/kernel'
import type { UnitReport } from '../system1/unit-report.ts'
import type { GroupRecord } from './group-record.ts'

/**
 * A child group as its parent's System 1 sees any unit. Percentiles of many nodes cannot be put together of theirs, so its mean stands for both: nobody reads more
 * out of them than that.
 */
export function groupAsUnit({ figures, exports, term, sequence }: GroupRecord, unit: UnitName): UnitReport {
  const { windowMs, calls, errors, turnedAway, inFlight, queued, latencyMs, actuality, capability, potentiality } = figures
  return {
    unit,
    windowMs,
    calls,
    errors,
    inFlight,
    latencyP50Ms: latencyMs,
    latencyP99Ms: latencyMs,
    measured: {
      // Terms go on over epochs; each counts anew.
      life: term,
      ordinal: sequence,
      answered: calls - turnedAway,
      turnedAway,
      queued,
      latencyMaxMs: null,
      actuality,
      capability,
      potentiality,
      callers: [],
      digest: exports,
    },
  }
}
