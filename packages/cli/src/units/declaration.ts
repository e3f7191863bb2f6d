import { dirname } from 'node:path'
import { parseDurationMs } from '@vsmcp/kernel'
import { z } from 'zod'
import { checkLocated, parseLocated } from '../config/located.ts'
import { START_TIMEOUT_MS } from '../constants.ts'
import { ConfigError, UsageError } from '../errors.ts'
import { toRequest, type UnitRequest } from './request.ts'
import type { ValueContext } from './values.ts'

const HINT =
  'A file declares "units": by name, each with either command, args, env, envFile and cwd, or url and headers, or worker (with threads, threadMemoryMb), and startTimeout, claims, replica, terms and fallback. See docs/cli.md.'

const text = z.string({ error: 'text is needed' })
const unitTermsSchema = z.strictObject({
  weight: z.number().positive().exactOptional(),
  concurrency: z.int().positive().exactOptional(),
  ratePerS: z.number().positive().exactOptional(),
  targetP99Ms: z.number().positive().exactOptional(),
  targetErrors: z.number().min(0).lt(1).exactOptional(),
  essential: z.boolean().exactOptional(),
})

const unit = z.strictObject(
  {
    command: text.min(1).exactOptional(),
    args: z.array(text, { error: 'a list of texts is needed' }).exactOptional(),
    env: z.record(text, text, { error: 'names and values are needed' }).exactOptional(),
    envFile: text.min(1).exactOptional(),
    cwd: text.min(1).exactOptional(),
    url: text.min(1).exactOptional(),
    worker: text.min(1).exactOptional(),
    threads: z.int().positive().exactOptional(),
    threadMemoryMb: z.int().positive().exactOptional(),
    headers: z.record(text, text, { error: 'names and values are needed' }).exactOptional(),
    replica: z.boolean({ error: 'true or false is needed' }).exactOptional(),
    claims: z.array(text, { error: 'a list of names is needed, each with :shared or without' }).exactOptional(),
    terms: unitTermsSchema.exactOptional(),
    fallback: text.min(1).exactOptional(),
    startTimeout: text.refine((value) => isDuration(value), 'a duration such as 30s or 2m is needed').exactOptional(),
  },
  { error: 'command, url or worker is needed' },
)
const declaration = z.strictObject(
  { units: z.record(text, unit, { error: 'units by their names are needed' }) },
  { error: 'the key "units" is needed' },
)

/** What the units of a node shall be, as `apply -f` reads it from YAML or JSON; errors name the line. */
export async function parseDeclaration(
  content: string,
  file: string,
  context: Omit<ValueContext, 'base'>,
): Promise<UnitRequest[]> {
  const document = parseLocated(content, file)
  const { units } = checkLocated(document, declaration, HINT)
  const requests: UnitRequest[] = []
  for (const [name, { startTimeout, ...description }] of Object.entries(units)) {
    const startTimeoutMs = startTimeout === undefined ? START_TIMEOUT_MS : parseDurationMs(startTimeout)
    try {
      requests.push(await toRequest(name, { ...description, startTimeoutMs }, { ...context, base: dirname(file) }))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      throw new ConfigError(`${file}:${document.lineOf(['units', name])}: ${error.message}`, {
        hint: error.hint ?? HINT,
        cause: error,
      })
    }
  }
  return requests
}

function isDuration(value: string): boolean {
  try {
    return parseDurationMs(value) > 0
  } catch {
    return false
  }
}
