import { z } from 'zod'
import { checkLocated, parseLocated } from '../config/located.ts'

const HINT = 'A policy file is a YAML or JSON object: names, each with its value. See docs/cli.md.'

/** Characters of a policy's name. */
const NAME_MAX = 64
/** Policies in a charter. */
const POLICIES_MAX = 1_000

const json: z.ZodType = z.lazy(() =>
  z.union(
    [
      z.string(),
      z.number({ error: 'a number must be finite' }),
      z.boolean(),
      z.null(),
      z.array(json),
      z.record(z.string(), json),
    ],
    { error: 'text, a number, true, false, null, a list or an object is needed' },
  ),
)

const policies = z
  .record(z.string().regex(/^[^\p{Cc}\u2028\u2029]{1,64}$/u, `a policy's name has 1 to ${NAME_MAX} characters`), json, {
    error: 'names and values are needed: an object',
  })
  .refine((value) => Object.keys(value).length <= POLICIES_MAX, `at most ${POLICIES_MAX} policies are allowed`)

/** The policies of a YAML or JSON text; values keep their types. Throws `ConfigError` with file and line. */
export function parsePolicies(content: string, file: string): Record<string, unknown> {
  return checkLocated(parseLocated(content, file, 'core'), policies, HINT)
}
