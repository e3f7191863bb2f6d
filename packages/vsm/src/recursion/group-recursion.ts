import { GROUP_DEPTH_MAX, type GroupId, type PeerIdString } from '@vsmcp/kernel'
import { RECORD_LIFE_MS } from './constants.ts'
import { foldGroup, type OwnGroup } from './group-fold.ts'
import { isPath } from './group-path.ts'
import { type GroupRecord, groupRecords } from './group-record.ts'
import { carriedDirectives, type GroupDirective, type ParentRecord, parentRecords } from './parent-record.ts'
import { type Office, RecordPace } from './record-pace.ts'
import { type CarriedRecord, type RecordRefusal, type RecordRules, RecordTable, type RecordVerdict } from './record-table.ts'
import { KnownRevocations, type Revocation } from './revocation.ts'
import { type Question, type Route, routeOf } from './route.ts'
import { ToolFilter } from './tool-filter.ts'

/** What the group knows of itself when its leader speaks for it. */
export interface GroupNow extends Omit<OwnGroup, 'revocations'> {
  /** Its own evictions that still hold. */
  readonly evictions: readonly Revocation[]
  readonly lineage: readonly GroupId[]
  readonly charter: ParentRecord['charter']
}

/** A child in the group's docket. */
export interface ChildPlace {
  readonly group: GroupId
  readonly path: string
  /** The group's own directives for it and what is below it. */
  readonly directives: readonly GroupDirective[]
}

/** What the groups above told last. */
export type ToldFromAbove = Pick<ParentRecord, 'directives' | 'lineage'>

const NOTHING_TOLD: ToldFromAbove = { directives: [], lineage: [] }

export type RecursionEffect =
  /** To be signed by this node, which leads, and handed to the delegates: for the parent. */
  | { readonly type: 'record:up'; readonly bytes: Uint8Array; readonly record: GroupRecord }
  /** Likewise, for one child. */
  | { readonly type: 'record:down'; readonly group: GroupId; readonly bytes: Uint8Array; readonly record: ParentRecord }
  /** Nothing is known of the child, or of the parent, any more: its records have run out. */
  | { readonly type: 'record:expired'; readonly group: GroupId }

export interface GroupRecursionInit {
  readonly self: PeerIdString
  readonly group: GroupId
}

/** A child's tools, read once for each of its records. */
interface ChildTools {
  readonly record: GroupRecord
  readonly filter: ToolFilter
}

/**
 * What a seat in a group knows of the groups above and below, and says to them while it leads. The same for a group of nodes and a group of groups. Pure: wall
 * milliseconds come in, records to be signed and carried come out.
 */
export class GroupRecursion {
  readonly #init: GroupRecursionInit
  readonly #below = new RecordTable<GroupRecord>(groupRecords)
  readonly #above = new RecordTable<ParentRecord>(
    parentRecords,
    ({ parent }) => this.#parent === undefined || parent === this.#parent,
  )
  readonly #revocations = new KnownRevocations()
  readonly #tools = new Map<GroupId, ChildTools>()
  readonly #upPace = new RecordPace()
  readonly #downPaces = new Map<GroupId, RecordPace>()
  #told = NOTHING_TOLD
  #parent: GroupId | undefined

  constructor(init: GroupRecursionInit) {
    this.#init = init
  }

  /** A child's record, as a delegate carried it. */
  fromBelow(carried: CarriedRecord, rules: RecordRules, nowMs: number): RecordVerdict<GroupRecord> {
    const verdict = this.#below.take(carried, rules, nowMs)
    if (verdict.taken && verdict.isNew) {
      const { record } = verdict
      this.#tools.set(record.group, { record, filter: ToolFilter.fromText(record.tools) ?? ToolFilter.empty() })
      this.#revocations.hear(record.revocations, record.group, nowMs)
    }
    return verdict
  }

  /** The parent's record for this group. */
  fromAbove(carried: CarriedRecord, rules: RecordRules, nowMs: number): RecordVerdict<ParentRecord> {
    const verdict = this.#above.take(carried, rules, nowMs)
    if (verdict.taken && verdict.isNew && !this.#isCircular(verdict.record)) {
      const { revocations, parent, directives, lineage } = verdict.record
      this.#revocations.hear(revocations, parent, nowMs)
      this.#told = { directives, lineage }
    }
    return verdict
  }

  /**
   * Which group stands above now, as this one has decided. What the one before said, and held it to, is forgotten, and not taken any more.
   * @returns whether it is another one than before
   */
  standBelow(parent: GroupId | undefined): boolean {
    const before = this.#parent
    this.#parent = parent
    if (before === undefined || before === parent) return false
    this.#above.clear()
    this.#told = NOTHING_TOLD
    return true
  }

  /** What those above told last: also when nothing is heard of them any more, each directive to its end. */
  get told(): ToldFromAbove {
    return this.#told
  }

  /** What was told before a restart, unless something was heard since. */
  remember(told: ToldFromAbove): void {
    const isOfParent = this.#parent === undefined || told.lineage.at(-1) === this.#parent
    if (this.#told === NOTHING_TOLD && isOfParent) this.#told = told
  }

  /** What holds of the children. */
  get children(): readonly GroupRecord[] {
    return this.#below.records
  }

  child(group: GroupId): GroupRecord | undefined {
    return this.#below.get(group)
  }

  /** What holds of the parent; undefined for the root, while no delegate hears it, and in a circle. */
  get parent(): ParentRecord | undefined {
    const record = this.#above.get(this.#init.group)
    return record === undefined || this.#isCircular(record) ? undefined : record
  }

  /**
   * Groups from this one down to its parent, when the way from above leads through this one itself: two groups were moved at once, each below
   * something that is below the other. None of them is below the root then. Undefined where nothing of the kind is heard.
   */
  get circle(): readonly GroupId[] | undefined {
    const record = this.#above.get(this.#init.group)
    return record !== undefined && this.#isCircular(record)
      ? record.lineage.slice(record.lineage.indexOf(this.#init.group))
      : undefined
  }

  #isCircular({ lineage }: Pick<ParentRecord, 'lineage'>): boolean {
    return lineage.includes(this.#init.group)
  }

  /** Evictions elsewhere that this group has heard of. */
  get revocations(): KnownRevocations {
    return this.#revocations
  }

  /** Refused records by carrier: from below, and from above. */
  get refused(): Readonly<Record<'below' | 'above', ReadonlyMap<PeerIdString, Readonly<Record<RecordRefusal, number>>>>> {
    return { below: this.#below.refused, above: this.#above.refused }
  }

  /** Bytes of records kept. */
  get bytes(): number {
    return this.#below.bytes + this.#above.bytes
  }

  /**
   * @param lists whether the group itself lists the tool
   * @param parent the parent's id, undefined for the root
   * @param places children of which nothing may be known yet: they are asked last
   */
  route(question: Question, lists: boolean, parent: GroupId | undefined, places: readonly GroupId[] = []): Route {
    const children = [...this.#tools.values()].map(({ record: { group }, filter }) => ({
      group,
      mayHave: filter.mayHave(question.tool),
      rate: filter.falsePositiveRate,
    }))
    // A filter that says yes to less is believed first.
    children.sort((a, b) => a.rate - b.rate)
    const unknown = places.filter((group) => !this.#tools.has(group)).map((group) => ({ group, mayHave: true }))
    return routeOf(question, { group: this.#init.group, parent, lists, children: [...children, ...unknown] })
  }

  /** Forgets what does not hold any more. */
  tick(nowMs: number): RecursionEffect[] {
    this.#revocations.tick(nowMs)
    const gone = [...this.#below.tick(nowMs), ...this.#above.tick(nowMs)]
    for (const group of gone) this.#tools.delete(group)
    return gone.map((group): RecursionEffect => ({ type: 'record:expired', group }))
  }

  keepOnly(isChild: (group: GroupId) => boolean, isMember: (peer: PeerIdString) => boolean): void {
    this.#below.keepOnly(isChild, isMember)
    this.#above.keepOnly((group) => group === this.#init.group, isMember)
    for (const kept of [this.#tools, this.#downPaces]) for (const group of kept.keys()) if (!isChild(group)) kept.delete(group)
  }

  /** Whether `speak` may have anything to say yet: putting the group's state together costs something. */
  maySpeak(nowMs: number): boolean {
    return nowMs >= this.#upPace.notBeforeMs
  }

  /**
   * To be called by who leads, every second and after news. In a circle nothing is said upward: it would come back as what is below, and be counted again.
   * @param parent undefined for the root, which has nobody to tell
   */
  speak(
    office: Office,
    now: GroupNow,
    parent: GroupId | undefined,
    children: readonly ChildPlace[],
    nowMs: number,
  ): RecursionEffect[] {
    // Deeper than groups go, as two moves at once can make it, it has no path that could be told.
    if (!isPath(now.path) || now.lineage.length > GROUP_DEPTH_MAX + 1) return []
    const up = this.#speakUp(office, now, parent, nowMs)
    const down = children.flatMap((child) => this.#speakDown(office, now, child, nowMs) ?? [])
    return up === undefined ? down : [up, ...down]
  }

  #speakUp(office: Office, now: GroupNow, parent: GroupId | undefined, nowMs: number): RecursionEffect | undefined {
    const { self: voice, group } = this.#init
    const { evictions, lineage: _lineage, charter: _charter, ...own } = now
    const revocations = parent === undefined ? [] : this.#revocations.toldTo(parent, evictions, nowMs)
    const head = { group, voice, ...office, sequence: 0, atMs: nowMs }
    const draft = foldGroup(head, { ...own, revocations }, this.children)
    // Who hears it for the first time does not wait for the period.
    const order = this.#upPace.next(office, `${parent} ${newsOf(draft)}`, nowMs)
    if (order === undefined || parent === undefined || this.circle !== undefined) return undefined
    const record = { ...draft, ...order }
    return { type: 'record:up', bytes: groupRecords.encode(record), record }
  }

  /** What this group itself holds a child to, and the child's record has no room for beside what the groups above say. */
  untold({ directives }: Pick<ChildPlace, 'directives'>, nowMs: number): readonly GroupDirective[] {
    const inherited = this.#inherited(nowMs)
    return directives.slice(Math.max(0, carriedDirectives([...inherited, ...directives]).length - inherited.length))
  }

  #inherited(nowMs: number): readonly GroupDirective[] {
    return this.#told.directives.filter(({ untilMs }) => untilMs > nowMs)
  }

  #speakDown(office: Office, now: GroupNow, child: ChildPlace, nowMs: number): RecursionEffect | undefined {
    let pace = this.#downPaces.get(child.group)
    if (pace === undefined) this.#downPaces.set(child.group, (pace = new RecordPace()))
    const { lineage, charter, evictions } = now
    if (!isPath(child.path) || lineage.length > GROUP_DEPTH_MAX) return undefined
    const body = {
      parent: this.#init.group,
      path: child.path,
      lineage: [...lineage],
      charter,
      directives: carriedDirectives([...this.#inherited(nowMs), ...child.directives]),
      revocations: this.#revocations.toldTo(child.group, evictions, nowMs),
    }
    const order = pace.next(office, JSON.stringify(body), nowMs)
    if (order === undefined) return undefined
    const record: ParentRecord = {
      group: child.group,
      voice: this.#init.self,
      ...order,
      atMs: nowMs,
      untilMs: nowMs + RECORD_LIFE_MS,
      ...body,
    }
    return { type: 'record:down', group: child.group, bytes: parentRecords.encode(record), record }
  }
}

/** What of a record cannot wait for the period: not the figures. */
function newsOf({ path, groups, alerts, alertsOpen, exports, tools, revocations, followed }: GroupRecord): string {
  const states = followed.map(({ id, by, state }) => [id, by, state])
  return JSON.stringify([path, groups, alerts, alertsOpen, exports, tools, revocations, states])
}
