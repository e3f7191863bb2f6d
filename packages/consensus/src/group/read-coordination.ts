import { type ClaimedResource, InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import {
  ATTEMPTS_MAX,
  CLAIM_RESOURCES_MAX,
  COUNTER_MAX,
  CRON_MAX,
  LABEL_MAX,
  OCCURRENCES_KEPT_MAX,
  OCCURRENCES_WAITING_MAX,
  OUTCOME_REASON_MAX,
  RESOURCE_NAME_MAX,
  RUN_TIMEOUT_MAX_MS,
  RUN_TIMEOUT_MIN_MS,
  SCHEDULE_ARGS_MAX,
  SKIPS_MAX,
  TIMEZONE_MAX,
  TOOL_NAME_MAX,
} from '../constants.ts'
import { byCodeUnit, isObject, parseJson } from '../json/json.ts'
import type { DeclaredSchedule, MissedPolicy, OccurrenceRun, PastOccurrence, ResourceClaim, Schedule } from './coordination.ts'
import { type Fields, fieldsOf, flag, integer, label, list, peerId, unitName } from './fields.ts'
import type { Skip } from './coordination-operation.ts'

/** Readers of claims and schedules, in operations and in snapshots. All throw `InvalidArgumentError`, naming the field. */
export function claimedResources(fields: Fields): readonly ClaimedResource[] {
  const all = list(fields, 'resources', CLAIM_RESOURCES_MAX).map((item) => {
    const resource = fieldsOf(item, 'an item of resources')
    return { resource: label(resource, 'resource', { max: RESOURCE_NAME_MAX }), shared: flag(resource, 'shared') }
  })
  // In one order, so that the same claim is the same text.
  const isSorted = all.every(({ resource }, i) => i === 0 || byCodeUnit(all[i - 1]?.resource ?? '', resource) < 0)
  if (all.length === 0 || !isSorted) throw new InvalidArgumentError('resources must name one or more, each once, in order')
  return all
}

export function readResourceClaim(value: unknown): ResourceClaim {
  const fields = fieldsOf(value, 'a claim of resources')
  return {
    ...fields,
    peer: peerId(fields, 'peer'),
    unit: unitName(fields, 'unit'),
    resources: claimedResources(fields),
    askedAtIndex: index(fields, 'askedAtIndex'),
    askedAtMs: integer(fields, 'askedAtMs', 0),
    ...(fields['token'] === undefined ? {} : { token: index(fields, 'token'), epoch: integer(fields, 'epoch', 1) }),
    ...(fields['recalledAtIndex'] === undefined ? {} : { recalledAtIndex: index(fields, 'recalledAtIndex') }),
  }
}

export function declaredSchedule(fields: Fields): DeclaredSchedule {
  return {
    cron: label(fields, 'cron', { max: CRON_MAX }),
    timezone: label(fields, 'timezone', { max: TIMEZONE_MAX }),
    tool: label(fields, 'tool', { max: TOOL_NAME_MAX }),
    argsJson: jsonObject(fields, 'argsJson'),
    missed: missedPolicy(fields),
    idempotent: flag(fields, 'idempotent'),
    timeoutMs: integer(fields, 'timeoutMs', RUN_TIMEOUT_MIN_MS, RUN_TIMEOUT_MAX_MS),
    ...(fields['node'] === undefined ? {} : { node: peerId(fields, 'node') }),
  }
}

/** Which attempt at which occurrence of which schedule. */
export function ofOccurrence(fields: Fields): { name: string; addedAtIndex: number; timeMs: number; attempt: number } {
  return { ...ofSchedule(fields), timeMs: integer(fields, 'timeMs', 0), attempt: integer(fields, 'attempt', 1, ATTEMPTS_MAX) }
}

export function ofSchedule(fields: Fields): { name: string; addedAtIndex: number } {
  return { name: scheduleName(fields), addedAtIndex: index(fields, 'addedAtIndex') }
}

export function scheduleName(fields: Fields): string {
  return label(fields, 'name', { max: LABEL_MAX })
}

export function outcome(fields: Fields): 'done' | 'failed' | 'unknown' {
  const value = fields['outcome']
  if (value !== 'done' && value !== 'failed' && value !== 'unknown') {
    throw new InvalidArgumentError('outcome must be done, failed or unknown')
  }
  return value
}

export function outcomeReason(fields: Fields): string {
  return label(fields, 'reason', { min: 0, max: OUTCOME_REASON_MAX })
}

/** Times of occurrences, ascending. */
export function times(fields: Fields, name: string): readonly number[] {
  const all = list(fields, name, OCCURRENCES_WAITING_MAX).map((time) => integer({ [name]: time }, name, 0))
  if (all.some((time, i) => i > 0 && time <= (all[i - 1] ?? 0))) throw new InvalidArgumentError(`${name} must be ascending`)
  return all
}

export function skips(fields: Fields): readonly Skip[] {
  return list(fields, 'skips', SKIPS_MAX).map((item) => {
    const skip = fieldsOf(item, 'an item of skips')
    const fromMs = integer(skip, 'fromMs', 0)
    return {
      fromMs,
      toMs: integer(skip, 'toMs', fromMs),
      count: integer(skip, 'count', 1),
      reason: outcomeReason(skip),
    }
  })
}

export function readSchedule(value: unknown): Schedule {
  const fields = fieldsOf(value, 'a schedule')
  const queue = times(fields, 'queue')
  if (queue.length > 0 !== (fields['run'] !== undefined)) {
    throw new InvalidArgumentError('a schedule has somebody who runs it just while something is to be run')
  }
  return {
    ...fields,
    ...declaredSchedule(fields),
    addedBy: peerId(fields, 'addedBy'),
    addedAtIndex: index(fields, 'addedAtIndex'),
    addedAtMs: integer(fields, 'addedAtMs', 0),
    decidedToMs: integer(fields, 'decidedToMs', 0),
    queue,
    ...(fields['run'] === undefined ? {} : { run: readRun(fields['run']) }),
    history: list(fields, 'history', OCCURRENCES_KEPT_MAX).map(readPast),
  }
}

function readRun(value: unknown): OccurrenceRun {
  const fields = fieldsOf(value, 'a run')
  return {
    ...fields,
    executor: peerId(fields, 'executor'),
    attempt: integer(fields, 'attempt', 1, ATTEMPTS_MAX),
    ...(fields['takenAtIndex'] === undefined ? {} : { takenAtIndex: index(fields, 'takenAtIndex') }),
  }
}

function readPast(value: unknown): PastOccurrence {
  const fields = fieldsOf(value, 'an occurrence')
  const optional = (name: string, min: number): object =>
    fields[name] === undefined ? {} : { [name]: integer(fields, name, min) }
  return {
    ...fields,
    timeMs: integer(fields, 'timeMs', 0),
    outcome: fields['outcome'] === 'skipped' ? 'skipped' : outcome(fields),
    reason: outcomeReason(fields),
    ...(fields['executor'] === undefined ? {} : { executor: peerId(fields, 'executor') }),
    ...optional('startedAtMs', 0),
    ...optional('endedAtMs', 0),
    ...optional('attempt', 1),
    ...optional('toMs', 0),
    ...optional('count', 1),
  }
}

function missedPolicy(fields: Fields): MissedPolicy {
  const value = fields['missed']
  if (value === 'skip' || value === 'once' || value === 'all') return value
  throw new InvalidArgumentError('missed must be skip, once or all')
}

function index(fields: Fields, name: string): number {
  return integer(fields, name, 1, COUNTER_MAX)
}

/** Text of a JSON object. */
function jsonObject(fields: Fields, name: string): string {
  const value = fields[name]
  const wrong = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(`${name} must be the text of a JSON object of up to ${SCHEDULE_ARGS_MAX} characters${why}`)
  if (typeof value !== 'string' || value.length > SCHEDULE_ARGS_MAX || !value.isWellFormed()) throw wrong('')
  let parsed: unknown
  try {
    parsed = parseJson(new TextEncoder().encode(value))
  } catch (error) {
    throw wrong(`: ${messageOf(error)}`)
  }
  if (!isObject(parsed)) throw wrong('')
  return value
}
