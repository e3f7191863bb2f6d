import { InvalidArgumentError } from '@vsmcp/kernel'
import type { Definitions } from '@vsmcp/mcp'
import { z } from 'zod'
import { FALLBACK_BYTES_MAX, FALLBACKS_BYTES_MAX } from '../constants.ts'
import type { FallbackAnswers } from './contract.ts'

/** A `CallToolResult` that went well: who gets it in place of an answer must be able to use it. */
const resultSchema = z.looseObject({
  content: z.array(z.looseObject({ type: z.string() })).min(1),
  structuredContent: z.record(z.string(), z.unknown()).exactOptional(),
  isError: z.literal(false).exactOptional(),
  _meta: z.record(z.string(), z.unknown()).exactOptional(),
})

/** By the tool's name as the server has it. */
export const fallbacksSchema = z.record(z.string().min(1), resultSchema)

const HINT = 'Give a JSON object of results by tool: {"TOOL": {"content": [{"type": "text", "text": "…"}]}}.'

/** Throws `InvalidArgumentError` for what cannot stand in for answers. */
export function checkedFallbacks(given: unknown): FallbackAnswers {
  const checked = fallbacksSchema.safeParse(given)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new InvalidArgumentError(`fallback of ${issue?.path.join('.') ?? 'a tool'}: ${issue?.message ?? 'malformed'}`, {
      hint: HINT,
    })
  }
  const sizes = Object.entries(checked.data).map(([tool, result]) => [tool, Buffer.byteLength(JSON.stringify(result))] as const)
  const large = sizes.find(([, bytes]) => bytes > FALLBACK_BYTES_MAX)
  if (large !== undefined) {
    throw new InvalidArgumentError(`the fallback of ${large[0]} has ${large[1]} bytes, and ${FALLBACK_BYTES_MAX} are the most`)
  }
  const bytes = sizes.reduce((sum, [, each]) => sum + each, 0)
  if (bytes > FALLBACKS_BYTES_MAX) {
    throw new InvalidArgumentError(
      `the fallbacks of a unit may have ${FALLBACKS_BYTES_MAX} bytes together, and these have ${bytes}`,
      {
        hint: 'Every node of the group keeps them.',
      },
    )
  }
  return checked.data
}

/** Throws `InvalidArgumentError` for a tool that the server does not have, that changes something, or that promises more than the result holds. */
export function assertFallbacksFit(unit: string, fallbacks: FallbackAnswers, definitions: Definitions | undefined): void {
  for (const [name, result] of Object.entries(fallbacks)) {
    const tool = definitions?.tools.find((each) => each.name === name)
    if (tool === undefined) {
      throw new InvalidArgumentError(`a fallback is declared for ${name}, and ${unit} has no such tool`, {
        hint: 'Name tools as the server itself does; `vsmcp tools` shows them.',
      })
    }
    if (tool.annotations?.readOnlyHint !== true) {
      throw new InvalidArgumentError(`a fallback is declared for ${name} of ${unit}, which is not annotated as read-only`, {
        hint: 'Whoever calls a tool that changes something must know that nothing was changed. Leave it out of the file.',
      })
    }
    if (tool.outputSchema !== undefined && result.structuredContent === undefined) {
      throw new InvalidArgumentError(`the fallback of ${name} of ${unit} has no structuredContent, which the tool promises`)
    }
  }
}
