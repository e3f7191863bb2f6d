import { type Clock, isoTime } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import { type Achievement, type Grant, indicesOf, type Orders, type UnitFigures } from '@vsmcp/vsm'
import type { UnitWorkView, WorkView } from '../system1/contract.ts'

/** Of a unit whose first window is not over: what it may do, and is held to, is known before what it did. */
export const UNMEASURED: UnitFigures = {
  windowMs: 0,
  calls: 0,
  answered: 0,
  errors: 0,
  turnedAway: 0,
  inFlight: 0,
  queued: 0,
  meanInFlight: 0,
  meanQueued: 0,
  actuality: 0,
  capability: null,
  potentiality: null,
}

/** An achievement with its indices, as it is shown. */
export function workView({ actuality, capability, potentiality }: Achievement): WorkView {
  return { actuality, capability, potentiality, ...indicesOf({ actuality, capability, potentiality }) }
}

export function unitWorkView(
  figures: UnitFigures,
  { limits }: Unit,
  { granted, orders }: { granted: Grant | undefined; orders: Orders | undefined },
  clock: Clock,
): UnitWorkView {
  const { windowMs, queued, turnedAway, meanInFlight, meanQueued } = figures
  const grant =
    granted === undefined
      ? null
      : {
          owedP99Ms: granted.owed.p99Ms,
          owedErrors: granted.owed.errorShare,
          expiresAt: isoTime(clock.wallMs() + granted.expiresMs - clock.monotonicMs()),
        }
  const directed = orders === undefined ? null : directedOf(orders)
  const seen = { windowMs, queued, turnedAway, meanInFlight, meanQueued }
  return { ...workView(figures), ...seen, limits: { ...limits }, grant, directed }
}

function directedOf({ weight, concurrency, isQuarantined, isStopped, by }: Orders): NonNullable<UnitWorkView['directed']> {
  const [quarantined, stopped] = [isQuarantined === true, isStopped === true]
  const most = stopped ? 0 : quarantined ? 1 : (concurrency ?? null)
  return { weight: weight ?? null, concurrency: most, quarantined, stopped, proposals: [...by] }
}
