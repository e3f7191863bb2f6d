import { byCodeUnit, canonicalText, utf8Length } from '../json/json.ts'
import type { ResourceClaim, Schedule } from './coordination.ts'
import type { AlertRecord, ChildGroup, Invitation, Link, Member, NameGrant, ProposalRecord, UnitClaim } from './docket.ts'
import type { GroupState } from './group-state.ts'
import { Table } from './table.ts'

interface Records {
  members: Member
  invitations: Invitation
  units: UnitClaim
  names: NameGrant
  alerts: AlertRecord
  claims: ResourceClaim
  schedules: Schedule
  proposals: ProposalRecord
  groups: ChildGroup
}
type TableName = keyof Records

/** Bytes a record takes in a snapshot, its key and a comma included. */
export function recordBytes(key: string | number, record: object): number {
  return utf8Length(canonicalText([key, record])) + 1
}

/** The state with a record put into one of its tables, new or in place of another. */
export function put<K extends TableName>(state: GroupState, name: K, key: string, record: Records[K]): GroupState {
  const table = state[name] as unknown as Table<Records[K]>
  const before = table.get(key)
  const bytes = state.bytes + recordBytes(key, record) - (before === undefined ? 0 : recordBytes(key, before))
  return { ...state, [name]: table.with(key, record), bytes }
}

/** The state without a record. */
export function drop(state: GroupState, name: TableName, key: string): GroupState {
  const table = state[name] as unknown as Table<object>
  const before = table.get(key)
  if (before === undefined) return state
  return { ...state, [name]: table.without(key), bytes: state.bytes - recordBytes(key, before) }
}

/** The state with a link put in its place by index. */
export function putLink(state: GroupState, link: Link): GroupState {
  const links = [...state.links.filter(({ index }) => index !== link.index), link].sort((a, b) => a.index - b.index)
  return { ...state, links, bytes: state.bytes + recordBytes(link.index, link) }
}

/** The state with one link in place of so many of the first. */
export function shortenLinks(state: GroupState, count: number, link: Link): GroupState {
  const bytesOf = (links: readonly Link[]): number => links.reduce((sum, each) => sum + recordBytes(each.index, each), 0)
  const bytes = state.bytes - bytesOf(state.links.slice(0, count)) + bytesOf([link])
  return { ...state, links: [link, ...state.links.slice(count)], bytes }
}

export function grantName(state: GroupState, bareName: string, grant: NameGrant): GroupState {
  const names = [...(state.namesOfUnit.get(grant.unit) ?? []), bareName].sort(byCodeUnit)
  return { ...put(state, 'names', bareName, grant), namesOfUnit: state.namesOfUnit.with(grant.unit, names) }
}

/** The inverse of a table of names: for each unit its bare names, sorted. */
export function namesByUnit(names: Table<NameGrant>): Table<readonly string[]> {
  const all = new Map<string, string[]>()
  for (const [bareName, { unit }] of names.entries()) {
    const mine = all.get(unit) ?? []
    mine.push(bareName)
    all.set(unit, mine)
  }
  return Table.from(all)
}
