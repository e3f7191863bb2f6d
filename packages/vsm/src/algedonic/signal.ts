import { FEELINGS, ORIGINS, SEVERITIES, type UnitName } from '@vsmcp/kernel'
import { z } from 'zod'
import { SYSTEMS } from '../channels.ts'
import { ALERT_SUBJECT_LENGTH_MAX, ALERT_TEXT_LENGTH_MAX } from '../constants.ts'
import { unitField } from '../fields.ts'

export const sourceSchema = z.object({
  system: z.enum(SYSTEMS),
  origin: z.enum(ORIGINS),
  /** What it is about, when it is about one unit. */
  unit: unitField.optional(),
})

/** What somebody feels. Pain stays until it is remedied; pleasure is noted. */
export const signalSchema = z.object({
  feeling: z.enum(FEELINGS),
  severity: z.enum(SEVERITIES),
  source: sourceSchema,
  subject: z.string().min(1).max(ALERT_SUBJECT_LENGTH_MAX),
  text: z.string().max(ALERT_TEXT_LENGTH_MAX),
})

export type Source = z.infer<typeof sourceSchema>
export type Signal = z.infer<typeof signalSchema>

/** Two signals of one key are the same pain. */
export function keyOf({ source: { system, origin, unit }, subject }: Pick<Signal, 'source' | 'subject'>): string {
  return JSON.stringify([system, origin, unit ?? '', subject])
}

/** Whose flood it would be. Clients name units as they like, and share one allowance, whatever they name. */
export function accountOf({ system, origin, unit }: Source): string {
  return origin === 'organ' ? `${system}${unit === undefined ? '' : ` of ${unit}`}` : origin
}

/** Source of what an organ of this node feels of one of its units, or of itself. */
export function organ(system: Source['system'], unit?: UnitName): Source {
  return { system, origin: 'organ', ...(unit === undefined ? {} : { unit }) }
}

/** Text for one line of a terminal and a field of the docket: whole characters, none that moves a cursor, no longer than that. */
export function plainText(text: string, lengthMax: number): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
  return plain.length <= lengthMax
    ? plain
    : `${plain
        .slice(0, lengthMax - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`
}
