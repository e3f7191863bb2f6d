import type { Unit } from '@vsmcp/mcp'
import { type Achievement, indicesOf, type UnitFigures } from '@vsmcp/vsm'
import type { UnitWorkView, WorkView } from '../control.ts'

/** An achievement with its indices, as it is shown. */
export function workView({ actuality, capability, potentiality }: Achievement): WorkView {
  return { actuality, capability, potentiality, ...indicesOf({ actuality, capability, potentiality }) }
}

export function unitWorkView(figures: UnitFigures, { limits }: Unit): UnitWorkView {
  const { windowMs, queued, turnedAway, meanInFlight, meanQueued } = figures
  return { ...workView(figures), windowMs, queued, turnedAway, meanInFlight, meanQueued, limits: { ...limits } }
}
