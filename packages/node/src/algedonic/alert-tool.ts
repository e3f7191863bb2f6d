import { InvalidArgumentError, SEVERITIES, UNIT_NAME_PATTERN } from '@vsmcp/kernel'
import { ALERT_SUBJECT_MAX, ALERT_TEXT_MAX } from '@vsmcp/consensus'
import { z } from 'zod'
import { AlertRefusedError } from '../errors.ts'
import { OWN_UNIT, type OwnTool } from '../route/own-offers.ts'
import type { AlertDesk } from './alert-desk.ts'

const argsSchema = z.strictObject({
  severity: z.enum(SEVERITIES).default('high'),
  subject: z.string().min(1).max(ALERT_SUBJECT_MAX),
  text: z.string().max(ALERT_TEXT_MAX).default(''),
  unit: z.string().regex(UNIT_NAME_PATTERN).optional(),
})

const INPUT_SCHEMA = {
  type: 'object',
  properties: {
    severity: {
      type: 'string',
      enum: SEVERITIES,
      default: 'high',
      description: 'critical: somebody must act within a minute; high: within minutes; low: within the hour',
    },
    subject: {
      type: 'string',
      minLength: 1,
      maxLength: ALERT_SUBJECT_MAX,
      description: 'What is wrong, as the subject of a mail. The same subject again is the same alert.',
    },
    text: { type: 'string', maxLength: ALERT_TEXT_MAX, description: 'What else there is to say' },
    unit: { type: 'string', pattern: UNIT_NAME_PATTERN.source, description: 'The attached server it is about' },
  },
  required: ['subject'],
  additionalProperties: false,
}

/** With it an MCP client raises an alert. All clients of a node share one allowance. */
export function alertTool(desk: Pick<AlertDesk, 'raise'>): OwnTool {
  return {
    definition: {
      name: `${OWN_UNIT}__alert`,
      title: 'Raise an alert',
      description:
        'Tells whoever governs this mesh, at once, that something is wrong: a tool that answers nonsense, data that must not be used, work that cannot go on. Not for reports of what went well, and not a log.',
      inputSchema: INPUT_SCHEMA,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    async call(args) {
      const parsed = argsSchema.safeParse(args)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        throw new InvalidArgumentError(
          `${issue?.path.map(String).join('.') || 'the arguments'}: ${issue?.message ?? 'malformed'}`,
        )
      }
      const { severity, subject, text, unit } = parsed.data
      const request = { feeling: 'pain' as const, severity, subject, text, ...(unit === undefined ? {} : { unit }) }
      try {
        const { id, outcome, decided } = await desk.raise(request, 'client')
        const where = decided ? 'System 5 has it' : 'there is no System 5 now: the node keeps it and tells the next one'
        return said(`alert ${id} ${outcome}: ${where}`, false)
      } catch (error) {
        if (!(error instanceof AlertRefusedError)) throw error
        return said(`${error.message}. ${error.hint ?? ''}`, true)
      }
    },
  }
}

function said(text: string, isError: boolean): Record<string, unknown> {
  return { content: [{ type: 'text', text }], isError }
}
