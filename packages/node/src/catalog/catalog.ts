import { isDeepStrictEqual } from 'node:util'
import { type GroupState, isProvider } from '@vsmcp/consensus'
import { Emitter, type Logger, messageOf, type PeerIdString, type UnitName } from '@vsmcp/kernel'
import { type Listing, type ListingKind, type ToolDefinition, UriTemplate } from '@vsmcp/mcp'
import type { SharedRecord, SharedState } from '@vsmcp/state'
import { TargetUnknownError } from '../errors.ts'
import { canBeBare, promptGrantKey, qualifiedName, qualifiedUri, splitQualifiedUri } from './exposed-names.ts'
import { type CatalogUnit, catalogUnit } from './providers.ts'
import { fromRecord, type PublishedUnit, UNITS_COLLECTION } from './published-unit.ts'

/** Where a call goes: the unit, its node, and the name or URI the server itself knows. */
export interface Target {
  readonly unit: UnitName
  /** Whose offer is listed, which is the only provider there is or one of them. */
  readonly node: PeerIdString
  readonly name: string
  /** Who may be asked: all that offer what the unit is declared to offer. */
  readonly providers: readonly PeerIdString[]
  /** Asked twice it does no more than asked once: a tool whose annotations say so; whatever only reads. */
  readonly isRepeatable: boolean
}

export interface ToolEntry extends Target {
  readonly exposedName: string
  readonly qualifiedName: string
  readonly definition: ToolDefinition
}

interface Events extends Record<string, unknown> {
  changed: ReadonlySet<ListingKind>
}

interface View {
  units: readonly CatalogUnit[]
  /** Tools of units whose name the docket gives to another node, or to none. */
  disregarded: number
  tools: readonly ToolEntry[]
  listing: Listing
  toolsByName: ReadonlyMap<string, ToolEntry>
  promptsByName: ReadonlyMap<string, Target>
  unitsByUri: ReadonlyMap<string, readonly CatalogUnit[]>
}

const NO_UNITS: View = {
  units: [],
  disregarded: 0,
  tools: [],
  listing: { version: 0, tools: [], resources: [], resourceTemplates: [], prompts: [] },
  toolsByName: new Map(),
  promptsByName: new Map(),
  unitsByUri: new Map(),
}

/**
 * All that the group offers, under the names clients see, computed from the local replica: what units published in the
 * shared document, filtered and named by what the docket decided. The order is the same on every node: by unit, then as
 * the server listed it.
 */
export class Catalog {
  readonly #state: SharedState
  readonly #group: () => GroupState | undefined
  readonly #events: Emitter<Events>
  #view: View = NO_UNITS

  constructor(components: { state: SharedState; group: () => GroupState | undefined; logger: Logger }) {
    this.#state = components.state
    this.#group = components.group
    this.#events = new Emitter((error) =>
      components.logger.error({ error: messageOf(error) }, 'a listener of the catalog failed'),
    )
  }

  /** Looks at the replica again; tells listeners which kinds are different now. */
  refresh(): void {
    const before = this.#view.listing
    const view = this.#compute(before.version + 1)
    const kinds = differences(before, view.listing)
    this.#view = kinds.size === 0 ? { ...view, listing: before } : view
    if (kinds.size > 0) this.#events.emit('changed', kinds)
  }

  onChanged(listener: (kinds: ReadonlySet<ListingKind>) => void): () => void {
    return this.#events.on('changed', listener)
  }

  get listing(): Listing {
    return this.#view.listing
  }

  get units(): readonly CatalogUnit[] {
    return this.#view.units
  }

  /** Tools in the shared document that are not listed, because their unit's name is not its node's. */
  get disregarded(): number {
    return this.#view.disregarded
  }

  get tools(): readonly ToolEntry[] {
    return this.#view.tools
  }

  /** By listed or qualified name; throws `TargetUnknownError`. */
  tool(name: string): ToolEntry {
    const entry = this.findTool(name)
    if (entry !== undefined) return entry
    throw new TargetUnknownError(`no tool ${name} is known in this group`, { hint: 'List what there is with `vsmcp tools`.' })
  }

  findTool(name: string): ToolEntry | undefined {
    return this.#view.toolsByName.get(name)
  }

  prompt(name: string): Target {
    const target = this.#view.promptsByName.get(name)
    if (target !== undefined) return target
    throw new TargetUnknownError(`no prompt ${name} is known in this group`)
  }

  /** By listed or qualified URI, or by a template of exactly one unit; throws `TargetUnknownError`. */
  resource(uri: string): Target {
    const qualified = splitQualifiedUri(uri)
    const unit = qualified === undefined ? undefined : this.#view.units.find(({ unit: name }) => name === qualified.unit)
    if (qualified !== undefined && unit !== undefined) return targetOf(unit, qualified.uri, true)
    const listed = this.#view.unitsByUri.get(uri) ?? []
    const candidates = listed.length > 0 ? listed : this.#view.units.filter(({ offer }) => someTemplateMatches(offer, uri))
    const [only, second] = candidates
    if (only === undefined) throw new TargetUnknownError(`no unit of this group offers the resource ${uri}`)
    if (second === undefined) return targetOf(only, uri, true)
    throw new TargetUnknownError(`${candidates.length} units offer the resource ${uri}`, {
      hint: `Say which: ${candidates.map(({ unit: name }) => qualifiedUri(name, uri)).join(' or ')}`,
    })
  }

  /** Names that units bring and nobody has been granted yet, in listing order. */
  ungrantedNames(): { bareName: string; unit: UnitName }[] {
    const names = this.#group()?.names
    if (names === undefined) return []
    const wanted = new Map<string, UnitName>()
    for (const { unit, offer } of this.#view.units) {
      for (const { name } of offer.tools) if (canBeBare(name) && !wanted.has(name)) wanted.set(name, unit)
      for (const { name } of offer.prompts) {
        const key = promptGrantKey(name)
        if (canBeBare(name) && !wanted.has(key)) wanted.set(key, unit)
      }
    }
    return [...wanted].filter(([bareName]) => !names.has(bareName)).map(([bareName, unit]) => ({ bareName, unit }))
  }

  #compute(version: number): View {
    const group = this.#group()
    if (group === undefined) return NO_UNITS
    const { units, disregarded } = unitsOf(group, this.#state)
    const nameOf = (unit: UnitName, name: string, key: string): string =>
      group.names.get(key)?.unit === unit ? name : qualifiedName(unit, name)
    const tools = units.flatMap((of) => {
      const { unit, offer } = of
      return offer.tools.map((definition): ToolEntry => {
        const { name, annotations } = definition
        const isRepeatable = annotations?.readOnlyHint === true || annotations?.idempotentHint === true
        const names = { exposedName: nameOf(unit, name, name), qualifiedName: qualifiedName(unit, name) }
        return { ...targetOf(of, name, isRepeatable), definition, ...names }
      })
    })
    const prompts = units.flatMap((of) => {
      const { unit, offer } = of
      return offer.prompts.map((definition) => {
        const { name } = definition
        const names = { exposedName: nameOf(unit, name, promptGrantKey(name)), qualifiedName: qualifiedName(unit, name) }
        return { ...targetOf(of, name, true), definition, ...names }
      })
    })
    const unitsByUri = groupByUri(units)
    return {
      units,
      disregarded,
      tools,
      toolsByName: byName(tools),
      promptsByName: byName(prompts),
      unitsByUri,
      listing: {
        version,
        tools: tools.map(({ definition, exposedName }) => ({ ...definition, name: exposedName })),
        prompts: prompts.map(({ definition, exposedName }) => ({ ...definition, name: exposedName })),
        resources: units.flatMap(({ unit, offer }) =>
          offer.resources.map((resource) =>
            (unitsByUri.get(resource.uri)?.length ?? 0) > 1 ? { ...resource, uri: qualifiedUri(unit, resource.uri) } : resource,
          ),
        ),
        resourceTemplates: templatesOf(units),
      },
    }
  }
}

/** By key, in order: what the docket lets be offered. */
function unitsOf(group: GroupState, state: SharedState): Pick<View, 'units' | 'disregarded'> {
  const records = new Map<UnitName, SharedRecord[]>()
  let disregarded = 0
  for (const record of state.entries(UNITS_COLLECTION, { allWriters: true })) {
    if (isProvider(group, record.key, record.writer)) records.set(record.key, [...(records.get(record.key) ?? []), record])
    else disregarded += fromRecord(record)?.tools.length ?? 0
  }
  const units = [...records].flatMap(([unit, ofUnit]) => {
    const claim = group.units.get(unit)
    return claim === undefined ? [] : (catalogUnit(unit, claim, ofUnit) ?? [])
  })
  return { units, disregarded }
}

function targetOf({ unit, node, callable }: CatalogUnit, name: string, isRepeatable: boolean): Target {
  return { unit, node, name, providers: callable, isRepeatable }
}

function templatesOf(units: readonly CatalogUnit[]): Listing['resourceTemplates'] {
  const all = units.flatMap(({ unit, offer }) => offer.resourceTemplates.map((template) => ({ unit, template })))
  const times = new Map<string, number>()
  for (const { template } of all) times.set(template.uriTemplate, (times.get(template.uriTemplate) ?? 0) + 1)
  return all.map(({ unit, template }) =>
    (times.get(template.uriTemplate) ?? 0) > 1
      ? { ...template, uriTemplate: qualifiedUri(unit, template.uriTemplate) }
      : template,
  )
}

/** Exposed names win over qualified ones; a bare name never looks qualified, so they only meet where they are the same. */
function byName<T extends { exposedName: string; qualifiedName: string }>(entries: readonly T[]): Map<string, T> {
  const map = new Map<string, T>()
  for (const entry of entries) map.set(entry.qualifiedName, entry)
  for (const entry of entries) map.set(entry.exposedName, entry)
  return map
}

function groupByUri(units: readonly CatalogUnit[]): Map<string, CatalogUnit[]> {
  const map = new Map<string, CatalogUnit[]>()
  for (const unit of units) {
    for (const { uri } of unit.offer.resources) map.set(uri, [...(map.get(uri) ?? []), unit])
  }
  return map
}

function someTemplateMatches(offer: PublishedUnit, uri: string): boolean {
  return offer.resourceTemplates.some(({ uriTemplate }) => {
    try {
      return new UriTemplate(uriTemplate).match(uri) !== null
    } catch {
      return false
    }
  })
}

function differences(before: Listing, now: Listing): Set<ListingKind> {
  const kinds = new Set<ListingKind>()
  if (!isDeepStrictEqual(before.tools, now.tools)) kinds.add('tools')
  if (!isDeepStrictEqual(before.prompts, now.prompts)) kinds.add('prompts')
  const resources = isDeepStrictEqual(before.resources, now.resources)
  if (!resources || !isDeepStrictEqual(before.resourceTemplates, now.resourceTemplates)) kinds.add('resources')
  return kinds
}
