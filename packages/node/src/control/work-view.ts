import { type Clock, isoTime } from '@vsmcp/kernel'
import type { Unit } from '@vsmcp/mcp'
import { type Achievement, type Grant, indicesOf, type Orders, type UnitFigures } from '@vsmcp/vsm'
import type { UnitWorkView, WorkView } from '../system1/contract.ts'

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
