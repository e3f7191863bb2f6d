import { isWorse, SEVERITIES, type Severity, type UnitName } from '@vsmcp/kernel'
import { ALERT_BYTES_MAX, ALERTS_CLOSED_MAX, ALERTS_OPEN_MAX, ALERTS_OPEN_PER_MEMBER_MAX } from '../constants.ts'
import { isVoter } from '../raft/configuration.ts'
import type { AlertMark, AlertRecord } from './docket.ts'
import { unknownFields } from './fields.ts'
import type { Applied, GroupState } from './group-state.ts'
import type { AlertAcknowledge, AlertClimb, AlertRaise, AlertResolve } from './operation.ts'
import type { GroupEffect } from './group-effect.ts'
import { changed, type Place, refused, unchanged } from './outcome.ts'
import { isProvider } from './providers.ts'
import { drop, put, recordBytes } from './records.ts'

type Alerts = readonly (readonly [string, AlertRecord])[]

/** What of an operation is about the operation, not about the alert. */
const OPERATION_FIELDS = ['op', 'id', 'author', 'atMs']

/** Felt for the first time, or again. Pleasure needs no remedy: it is noted, and over. */
export function raiseAlert(state: GroupState, operation: AlertRaise, place: Place): Applied {
  const { id, author, atMs, unit, system, origin, feeling } = operation
  const before = state.alerts.get(id)
  if (before !== undefined && before.peer !== author) {
    return refused(state, 'alert-exists', `the alert ${id} is of ${before.peer}`, before.peer)
  }
  if (before !== undefined) return before.closed === undefined ? feltAgain(state, before, operation) : unchanged(state)
  const holder = unit === undefined ? undefined : state.units.get(unit)?.peer
  const isOthers = unit !== undefined && holder !== undefined && !isProvider(state, unit, author)
  if (system === 'system1' && origin === 'organ' && isOthers) {
    return refused(state, 'not-yours', `${author} cannot speak for the unit ${unit}, which runs on ${holder}`, holder)
  }
  const { severity, subject, text, count, onsetMs, lastMs } = operation
  const record: AlertRecord = {
    ...unknownFields(operation, OPERATION_FIELDS),
    feeling,
    severity,
    origin,
    system,
    subject,
    text,
    count,
    onsetMs,
    lastMs,
    ...(unit === undefined ? {} : { unit }),
    peer: author,
    raisedAtIndex: place.index,
    raisedAtMs: atMs,
  }
  if (recordBytes(id, record) > ALERT_BYTES_MAX) {
    return refused(state, 'operation-invalid', `an alert takes up to ${ALERT_BYTES_MAX} bytes, and this one more`)
  }
  if (feeling === 'pleasure') {
    const noted = close(put(state, 'alerts', id, record), id, { by: author, reason: '', atMs }, place)
    return { ...noted, effects: [{ type: 'alert:raised', id }, ...noted.effects] }
  }
  const open = state.alerts.entries().filter(([, { closed }]) => closed === undefined)
  const twin = open.find(([, other]) => isSame(other, record))
  if (twin !== undefined) return refused(state, 'alert-exists', `it is open already, as ${twin[0]}`, twin[0])
  return admit(state, [id, record], open)
}

/** Both are of one source about one thing. */
function isSame(a: AlertRecord, b: AlertRecord): boolean {
  return a.peer === b.peer && a.system === b.system && a.origin === b.origin && a.unit === b.unit && a.subject === b.subject
}

function feltAgain(state: GroupState, before: AlertRecord, { id, severity, count, lastMs, text }: AlertRaise): Applied {
  const isNews = count > before.count || lastMs > before.lastMs
  const worse = isWorse(severity, before.severity)
  if (!isNews && !worse) return unchanged(state)
  const now: AlertRecord = {
    ...before,
    severity: worse ? severity : before.severity,
    count: Math.max(count, before.count),
    lastMs: Math.max(lastMs, before.lastMs),
    text: lastMs >= before.lastMs ? text : before.text,
  }
  return changed(put(state, 'alerts', id, now), [{ type: 'alert:repeated', id }])
}

/** Where all places are taken, the least severe gives way to a more severe one, the oldest of them first. */
function admit(state: GroupState, [id, record]: readonly [string, AlertRecord], open: Alerts): Applied {
  const mine = open.filter(([, { peer }]) => peer === record.peer)
  const rivals = mine.length >= ALERTS_OPEN_PER_MEMBER_MAX ? mine : open.length >= ALERTS_OPEN_MAX ? open : undefined
  const raised: GroupEffect = { type: 'alert:raised', id }
  if (rivals === undefined) return changed(put(state, 'alerts', id, record), [raised])
  const [least] = [...rivals].sort(([, a], [, b]) => rank(a.severity) - rank(b.severity) || a.raisedAtIndex - b.raisedAtIndex)
  if (least === undefined || !isWorse(record.severity, least[1].severity)) {
    const whose = rivals === mine ? `${record.peer} has` : 'the group has'
    return refused(state, 'alerts-full', `${whose} ${rivals.length} open alerts, none less severe: remedy some`)
  }
  return changed(put(drop(state, 'alerts', least[0]), 'alerts', id, record), [{ type: 'alert:displaced', id: least[0] }, raised])
}

/** Any member may: people are at all of them. */
export function acknowledgeAlert(state: GroupState, { id, author, reason, atMs }: AlertAcknowledge): Applied {
  const alert = state.alerts.get(id)
  if (alert === undefined) return unknownAlert(state, id)
  if (alert.acknowledged !== undefined) return unchanged(state)
  if (alert.closed !== undefined) return refused(state, 'alert-closed', `the alert ${id} is over`)
  const acknowledged = { by: author, reason, atMs }
  return changed(put(state, 'alerts', id, { ...alert, acknowledged }), [{ type: 'alert:acknowledged', id }])
}

export function resolveAlert(state: GroupState, { id, author, reason, atMs }: AlertResolve, place: Place): Applied {
  const alert = state.alerts.get(id)
  if (alert === undefined) return unknownAlert(state, id)
  if (alert.closed !== undefined) return unchanged(state)
  return close(state, id, { by: author, reason, atMs }, place)
}

export function climbAlert(state: GroupState, { id, author, atMs }: AlertClimb): Applied {
  const alert = state.alerts.get(id)
  if (alert === undefined) return unknownAlert(state, id)
  if (alert.closed !== undefined) return refused(state, 'alert-closed', `the alert ${id} is over`)
  if (!isVoter(state.configuration, author)) {
    return refused(state, 'not-yours', `${author} is no voter, and only voters say that an alert is overdue`)
  }
  if (alert.climbedAtMs !== undefined) return unchanged(state)
  return changed(put(state, 'alerts', id, { ...alert, climbedAtMs: atMs }), [{ type: 'alert:climbed', id }])
}

/** It stays for a while, for who looks back. */
function close(state: GroupState, id: string, mark: AlertMark, { index }: Place): Applied {
  const alert = state.alerts.get(id)
  if (alert === undefined) return unchanged(state)
  const now = put(state, 'alerts', id, { ...alert, closed: { ...mark, index } })
  const over = now.alerts.entries().filter(([, { closed }]) => closed !== undefined)
  const oldest = over.length > ALERTS_CLOSED_MAX ? [...over].sort(([, a], [, b]) => closedAt(a) - closedAt(b))[0] : undefined
  return changed(oldest === undefined ? now : drop(now, 'alerts', oldest[0]), [{ type: 'alert:resolved', id }])
}

/** What a unit's pain was about is no matter of this group's any more. */
export function closeAlertsOf(
  state: GroupState,
  unit: UnitName,
  mark: AlertMark,
  place: Place,
): { state: GroupState; effects: readonly GroupEffect[] } {
  const open = state.alerts.entries().filter(([, alert]) => alert.unit === unit && alert.closed === undefined)
  let rest = state
  const effects: GroupEffect[] = []
  for (const [id] of open) {
    const closed = close(rest, id, mark, place)
    rest = closed.state
    effects.push(...closed.effects)
  }
  return { state: rest, effects }
}

const closedAt = ({ closed }: AlertRecord): number => closed?.index ?? 0
const rank = (severity: Severity): number => SEVERITIES.indexOf(severity)

function unknownAlert(state: GroupState, id: string): Applied {
  return refused(state, 'alert-unknown', `there is no alert ${id}, or it is over for long`)
}
