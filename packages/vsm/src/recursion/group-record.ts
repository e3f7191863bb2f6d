import { FOLLOWED_STATES, GROUP_DEPTH_MAX, ORIGINS, SEVERITIES } from '@vsmcp/kernel'
import { z } from 'zod'
import { SYSTEMS } from '../channels.ts'
import { ALERT_ID_LENGTH_MAX, REPORT_WINDOW_MAX_MS } from '../constants.ts'
import { amountField, countField, digestField, unitField } from '../fields.ts'
import { LATENCY_MAX_MS, RATE_MAX_PER_S } from '../system1/constants.ts'
import { OUTCOMES } from '../variety/window.ts'
import {
  BELOW_MAX,
  BITS_MAX,
  DIRECTIVES_MAX,
  FOLLOWED_REASON_LENGTH_MAX,
  RECORD_ALERTS_MAX,
  RECORD_REVOCATIONS_MAX,
  RECORD_SUBJECT_LENGTH_MAX,
} from './constants.ts'
import { isPath, PATH_LENGTH_MAX } from './group-path.ts'
import { BRIEF, groupField, headShape, isBrief, RecordCodec, UPWARD, wallField } from './record-head.ts'
import { revocationSchema } from './revocation.ts'
import { FILTER_TEXT_MAX, ToolFilter } from './tool-filter.ts'

const rateField = amountField.max(RATE_MAX_PER_S)
const belowField = countField.max(BELOW_MAX)
const bitsField = amountField.max(BITS_MAX)

const figuresSchema = z
  .object({
    windowMs: z.number().positive().max(REPORT_WINDOW_MAX_MS),
    /** Calls that ended within the window, how many of them with an error, and how many were turned away. */
    calls: countField,
    errors: countField,
    turnedAway: countField,
    /** At its end. */
    inFlight: countField,
    queued: countField,
    /** Milliseconds of a usual call: the mean, by calls, of what its units have as their median; null without one. */
    latencyMs: amountField.max(LATENCY_MAX_MS).nullable(),
    /** Beer's three figures, calls per second. */
    actuality: rateField,
    capability: rateField.nullable(),
    potentiality: rateField.nullable(),
  })
  .refine(({ errors, turnedAway, calls }) => errors <= calls && turnedAway <= errors, { message: 'more errors than calls' })
  .refine(({ calls, windowMs }) => calls <= (RATE_MAX_PER_S * windowMs) / 1_000, { message: 'more calls than there can be' })
  .refine(({ actuality, capability, potentiality }) => isOrdered(actuality, capability) && isOrdered(capability, potentiality), {
    message: 'does more than it could, or could do more than it might',
  })

/** Sums of the same parts in another order differ in their last digits. */
const ROUNDING = 1e-6

function isOrdered(less: number | null, more: number | null): boolean {
  return less === null || more === null || less <= more * (1 + ROUNDING) + ROUNDING
}

const varietySchema = z
  .object({
    calls: countField,
    outcomes: z.partialRecord(z.enum(OUTCOMES), countField),
    demandBits: bitsField,
    responseBits: bitsField,
    outcomeBits: bitsField,
    residualBits: bitsField,
  })
  .refine(({ calls, outcomes }) => Object.values(outcomes).reduce((sum, each) => sum + each, 0) === calls, {
    message: 'outcomes that do not sum up to the calls',
  })
  .refine(({ outcomeBits, residualBits }) => residualBits <= outcomeBits + ROUNDING, { message: 'more left than there was' })

const recordAlertSchema = z.object({
  id: z.string().min(1).max(ALERT_ID_LENGTH_MAX),
  severity: z.enum(SEVERITIES),
  system: z.enum(SYSTEMS),
  origin: z.enum(ORIGINS),
  unit: unitField.exactOptional(),
  subject: z.string().min(1).max(RECORD_SUBJECT_LENGTH_MAX),
  onsetMs: wallField,
  isAcknowledged: z.boolean(),
  /** The group that feels it: this one, or one below. */
  group: groupField,
})

/** An alert that is open in the group, in as many words as its parent needs. */
export type RecordAlert = z.infer<typeof recordAlertSchema>
export type GroupFigures = z.infer<typeof figuresSchema>
export type GroupVariety = z.infer<typeof varietySchema>

const followedSchema = z.object({
  id: z.string().min(1).max(32),
  by: groupField,
  state: z.enum(FOLLOWED_STATES),
  /** Why it is refused, or what is measured. */
  reason: z.string().max(FOLLOWED_REASON_LENGTH_MAX),
})

/** How a group follows one directive of those above it. */
export type Followed = z.infer<typeof followedSchema>

const belowShape = {
  path: z.string().max(PATH_LENGTH_MAX).refine(isPath, { message: 'no path of a group' }),
  /** Members that are at home in it or below, groups below it, and levels of them. */
  members: belowField.min(1),
  groups: belowField,
  depth: z.int().nonnegative().max(GROUP_DEPTH_MAX),
  figures: figuresSchema,
  variety: varietySchema,
  /** The most severe first, then the oldest; and how many there are in all, below included. */
  alerts: z.array(recordAlertSchema).max(RECORD_ALERTS_MAX),
  alertsOpen: belowField,
  /** Of the definitions that it offers its parent. */
  exports: digestField,
  /** Which tools are in it and below. */
  tools: z
    .string()
    .max(FILTER_TEXT_MAX)
    .refine((text) => ToolFilter.fromText(text) !== undefined, { message: 'no filter' }),
  revocations: z.array(revocationSchema).max(RECORD_REVOCATIONS_MAX),
  /** Of the group itself: what those below it make of a directive they tell it. */
  followed: z.array(followedSchema).max(DIRECTIVES_MAX),
}

const groupRecordSchema = z
  .object({ ...headShape, ...belowShape })
  .refine(isBrief, BRIEF)
  .refine(({ alerts, alertsOpen }) => alerts.length <= alertsOpen, { message: 'more alerts than are open', path: ['alertsOpen'] })
  .refine(({ groups, depth }) => (groups === 0) === (depth === 0) && depth <= groups, {
    message: 'levels that its groups cannot have',
    path: ['depth'],
  })
  .refine(({ alerts }) => new Set(alerts.map(({ group, id }) => `${group} ${id}`)).size === alerts.length, {
    message: 'one alert twice',
    path: ['alerts'],
  })
  .transform(({ v: _v, channel: _channel, ...record }) => record)

/** All that a group shows its parent of itself and of what is below it, however much that is (attenuation). */
export type GroupRecord = z.infer<typeof groupRecordSchema>

export const groupRecords = new RecordCodec<GroupRecord>('the record of a group', UPWARD, groupRecordSchema)
