import { FEELINGS, ORIGINS, SEVERITIES } from '@vsmcp/kernel'
import { ALERT_SUBJECT_MAX, ALERT_TEXT_MAX, COUNTER_MAX, REASON_MAX } from '../constants.ts'
import type { AlertContent, AlertMark } from './docket.ts'
import { type Fields, integer, label, oneOf, peerId, unitName } from './fields.ts'

/** What an operation or a record says of an alert. Throws `InvalidArgumentError`. */
export function alertContent(fields: Fields): AlertContent {
  const onsetMs = integer(fields, 'onsetMs', 0)
  return {
    feeling: oneOf(fields, 'feeling', FEELINGS),
    severity: oneOf(fields, 'severity', SEVERITIES),
    origin: oneOf(fields, 'origin', ORIGINS),
    system: label(fields, 'system'),
    ...(fields['unit'] === undefined ? {} : { unit: unitName(fields, 'unit') }),
    subject: label(fields, 'subject', { max: ALERT_SUBJECT_MAX }),
    text: label(fields, 'text', { max: ALERT_TEXT_MAX, min: 0 }),
    count: integer(fields, 'count', 1, COUNTER_MAX),
    onsetMs,
    lastMs: integer(fields, 'lastMs', onsetMs),
  }
}

export function alertMark(fields: Fields): AlertMark {
  return {
    ...fields,
    by: peerId(fields, 'by'),
    reason: label(fields, 'reason', { max: REASON_MAX, min: 0 }),
    atMs: integer(fields, 'atMs', 0),
  }
}
