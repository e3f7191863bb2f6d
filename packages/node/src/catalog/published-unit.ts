import type {
  Definitions,
  PromptDefinition,
  ResourceDefinition,
  ResourceTemplateDefinition,
  ToolDefinition,
  Unit,
} from '@vsmcp/mcp'
import type { JsonValue, SharedRecord } from '@vsmcp/state'
import { z } from 'zod'

/** Collection of the shared document that holds what each unit offers, by unit name. */
export const UNITS_COLLECTION = 'units'

const named = z.looseObject({ name: z.string() })
const schema = z.object({
  kind: z.enum(['stdio', 'worker', 'http', 'group']),
  era: z.enum(['legacy', 'modern']),
  server: z.object({ name: z.string(), version: z.string() }),
  digest: z.string(),
  tools: z.array(z.looseObject({ name: z.string(), inputSchema: z.looseObject({}) })),
  prompts: z.array(named),
  resources: z.array(z.looseObject({ name: z.string(), uri: z.string() })),
  resourceTemplates: z.array(z.looseObject({ name: z.string(), uriTemplate: z.string() })),
})

/** What a unit offers, as the group knows it: names and definitions, never how it is started. */
export interface PublishedUnit {
  readonly kind: Unit['kind']
  readonly era: Definitions['era']
  readonly server: { readonly name: string; readonly version: string }
  readonly digest: string
  readonly tools: readonly ToolDefinition[]
  readonly prompts: readonly PromptDefinition[]
  readonly resources: readonly ResourceDefinition[]
  readonly resourceTemplates: readonly ResourceTemplateDefinition[]
}

export function toRecordValue(kind: Unit['kind'], definitions: Definitions): JsonValue {
  const { era, serverInfo, digest, tools, prompts, resources, resourceTemplates } = definitions
  const server = { name: serverInfo.name, version: serverInfo.version }
  return { kind, era, server, digest, tools, prompts, resources, resourceTemplates } as JsonValue
}

/** A record never changes: what was read of it once stands. */
const read = new WeakMap<SharedRecord, PublishedUnit | null>()

/** @returns undefined for a record that no unit of this project would write */
export function fromRecord(record: SharedRecord): PublishedUnit | undefined {
  let unit = read.get(record)
  if (unit === undefined) {
    const parsed = schema.safeParse(record.value)
    unit = parsed.success ? parsed.data : null
    read.set(record, unit)
  }
  return unit ?? undefined
}
