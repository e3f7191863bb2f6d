import { InvalidArgumentError, messageOf } from '@vsmcp/kernel'
import {
  ALERT_ID_MAX,
  ALERTS_CLOSED_MAX,
  ALERTS_OPEN_MAX,
  BARE_NAME_MAX,
  CLAIMS_MAX,
  COUNTER_MAX,
  GROUP_ID_MAX,
  GROUPS_MAX,
  INVITATION_USES_MAX,
  INVITATIONS_MAX,
  LABEL_MAX,
  LEARNERS_MAX,
  LINK_BYTES_MAX,
  LINKS_MAX,
  MEMBERS_MAX,
  NAMES_MAX,
  PEER_ID_MAX,
  PROPOSALS_KEPT_MAX,
  RECOVERERS_MAX,
  SCHEDULES_MAX,
  SNAPSHOT_BYTES_MAX,
  STATE_DEPTH_MAX,
  TOKEN_PART_MAX,
  UNIT_PROVIDERS_MAX,
  UNITS_MAX,
  VOTERS_MAX,
} from '../constants.ts'
import { StateCorruptError } from '../errors.ts'
import { canonicalBytes, parseJson } from '../json/json.ts'
import { type Configuration, EMPTY_CONFIGURATION } from '../raft/configuration.ts'
import { type Charter, readCharter } from './charter.ts'
import type {
  AlertRecord,
  CharterMark,
  Invitation,
  Link,
  Member,
  NameGrant,
  PendingChange,
  SessionKeyRecord,
  UnitClaim,
  UnitProvider,
} from './docket.ts'
import { alertContent, alertMark } from './alert-fields.ts'
import {
  addresses,
  base64url,
  ephemerality,
  type Fields,
  fieldsOf,
  flag,
  integer,
  label,
  list,
  peerId,
  peerIds,
  role,
  sha256,
  unitName,
  unknownFields,
} from './fields.ts'
import type { Founder, GroupState } from './group-state.ts'
import { readProposal } from './proposal-fields.ts'
import { readDepartedGroups, readGroup, readPlace, readRemovedGroups } from './read-groups.ts'
import { readResourceClaim, readSchedule } from './read-coordination.ts'
import { namesByUnit, put, recordBytes } from './records.ts'
import { Table } from './table.ts'

/** Of the snapshot's text. A later one is refused, not guessed at; fields may be added without raising it. */
const FORMAT = 1

const KNOWN = [
  'format',
  'charter',
  'configuration',
  'members',
  'invitations',
  'units',
  'names',
  'alerts',
  'links',
  'pendingChanges',
  'charterMark',
  'sessionKey',
  'claims',
  'schedules',
  'proposals',
  'groups',
  'removedGroups',
  'departedGroups',
  'place',
]

/** A group's first state: its charter, and its founder as the only member. Throws `InvalidArgumentError` for either out of bounds. */
export function foundGroup(charter: Charter, founder: Founder): GroupState {
  const first = readCharter(charter)
  if (first.voters.length !== 1 || first.voters[0] !== founder.peer) {
    throw new InvalidArgumentError('a group begins with its founder as the only voter')
  }
  const { name, role: founderRole, zone, addresses: reachable, joinedAtMs } = founder
  const member = readMember({ name, role: founderRole, zone, addresses: reachable, joinedAtMs, joinedAtIndex: 1 })
  const empty: GroupState = {
    charter: first,
    configuration: { ...EMPTY_CONFIGURATION, voters: first.voters },
    members: Table.empty(),
    invitations: Table.empty(),
    units: Table.empty(),
    names: Table.empty(),
    namesOfUnit: Table.empty(),
    alerts: Table.empty(),
    links: [],
    pendingChanges: [],
    charterMark: undefined,
    sessionKey: undefined,
    claims: Table.empty(),
    schedules: Table.empty(),
    proposals: Table.empty(),
    groups: Table.empty(),
    removedGroups: [],
    departedGroups: [],
    place: undefined,
    bytes: 0,
    unknown: {},
  }
  return put(empty, 'members', founder.peer, member)
}

/** Canonical JSON bytes: equal states give equal bytes, whichever way they came about. */
export function encodeGroupState(state: GroupState): Uint8Array {
  return canonicalBytes({
    ...state.unknown,
    format: FORMAT,
    charter: state.charter,
    configuration: state.configuration,
    members: state.members.entries(),
    invitations: state.invitations.entries(),
    units: state.units.entries(),
    names: state.names.entries(),
    links: state.links,
    // Left out while empty, so that a group without them reads as it always did.
    alerts: state.alerts.size === 0 ? undefined : state.alerts.entries(),
    pendingChanges: state.pendingChanges.length === 0 ? undefined : state.pendingChanges,
    charterMark: state.charterMark,
    sessionKey: state.sessionKey,
    claims: state.claims.size === 0 ? undefined : state.claims.entries(),
    schedules: state.schedules.size === 0 ? undefined : state.schedules.entries(),
    proposals: state.proposals.size === 0 ? undefined : state.proposals.entries(),
    groups: state.groups.size === 0 ? undefined : state.groups.entries(),
    removedGroups: state.removedGroups.length === 0 ? undefined : state.removedGroups,
    departedGroups: state.departedGroups.length === 0 ? undefined : state.departedGroups,
    place: state.place,
  })
}

/** Throws `StateCorruptError` for what `encodeGroupState` never wrote. */
export function decodeGroupState(bytes: Uint8Array): GroupState {
  try {
    if (bytes.length > SNAPSHOT_BYTES_MAX) throw new InvalidArgumentError(`it is larger than ${SNAPSHOT_BYTES_MAX} bytes`)
    const fields = fieldsOf(parseJson(bytes, STATE_DEPTH_MAX), 'a group state')
    if (fields['format'] !== FORMAT) throw new InvalidArgumentError(`it is of format ${String(fields['format'])}, not ${FORMAT}`)
    return readState(fields)
  } catch (error) {
    throw new StateCorruptError(`a group's state cannot be read: ${messageOf(error)}`, {
      hint: 'It is damaged, or was written by a later version: update this node, or let it leave and join anew.',
      cause: error,
    })
  }
}

function readState(fields: Fields): GroupState {
  const names = table(fields, 'names', NAMES_MAX, BARE_NAME_MAX, readName)
  const members = table(fields, 'members', MEMBERS_MAX, PEER_ID_MAX, readMember)
  const invitations = table(fields, 'invitations', INVITATIONS_MAX, TOKEN_PART_MAX, readInvitation)
  const units = table(fields, 'units', UNITS_MAX, PEER_ID_MAX, readClaim)
  const alerts =
    fields['alerts'] === undefined
      ? Table.empty<AlertRecord>()
      : table(fields, 'alerts', ALERTS_OPEN_MAX + ALERTS_CLOSED_MAX, ALERT_ID_MAX, readAlert)
  const links = list(fields, 'links', LINKS_MAX).map(readLink)
  const claims = laterTable(fields, 'claims', CLAIMS_MAX, PEER_ID_MAX + LABEL_MAX, readResourceClaim)
  const schedules = laterTable(fields, 'schedules', SCHEDULES_MAX, LABEL_MAX, readSchedule)
  const proposals = laterTable(fields, 'proposals', PROPOSALS_KEPT_MAX, ALERT_ID_MAX, readProposal)
  const groups = laterTable(fields, 'groups', GROUPS_MAX, GROUP_ID_MAX, readGroup)
  const records: (readonly [string | number, object])[] = [
    ...members,
    ...invitations,
    ...units,
    ...names,
    ...alerts,
    ...claims,
    ...schedules,
    ...proposals,
    ...groups,
    ...links.map((link) => [link.index, link] as const),
  ]
  return {
    charter: readCharter(fields['charter']),
    configuration: readConfiguration(fields['configuration']),
    members,
    invitations,
    units,
    names,
    namesOfUnit: namesByUnit(names),
    alerts,
    links,
    pendingChanges: fields['pendingChanges'] === undefined ? [] : list(fields, 'pendingChanges', LINKS_MAX).map(readPending),
    charterMark: fields['charterMark'] === undefined ? undefined : readMark(fields['charterMark']),
    sessionKey: fields['sessionKey'] === undefined ? undefined : readSessionKey(fields['sessionKey']),
    claims,
    schedules,
    proposals,
    groups,
    removedGroups: fields['removedGroups'] === undefined ? [] : readRemovedGroups(fields),
    departedGroups: fields['departedGroups'] === undefined ? [] : readDepartedGroups(fields),
    place: fields['place'] === undefined ? undefined : readPlace(fields['place']),
    bytes: records.reduce((sum, [key, record]) => sum + recordBytes(key, record), 0),
    unknown: unknownFields(fields, KNOWN),
  }
}

function table<V>(fields: Fields, name: string, max: number, keyMax: number, read: (value: unknown) => V): Table<V> {
  const pairs = list(fields, name, max).map((pair): readonly [string, V] => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new InvalidArgumentError(`${name} holds something that is no record`)
    return [label({ key: pair[0] }, 'key', { max: keyMax }), read(pair[1])]
  })
  const records = Table.from(pairs)
  if (records.size !== pairs.length) throw new InvalidArgumentError(`${name} holds a record twice`)
  return records
}

/** A table that groups of an earlier version have not. */
function laterTable<V>(fields: Fields, name: string, max: number, keyMax: number, read: (value: unknown) => V): Table<V> {
  return fields[name] === undefined ? Table.empty() : table(fields, name, max, keyMax, read)
}

function readMember(value: unknown): Member {
  const fields = fieldsOf(value, 'a member')
  return {
    ...fields,
    name: label(fields, 'name'),
    role: role(fields, 'role'),
    zone: label(fields, 'zone', { min: 0 }),
    joinedAtIndex: integer(fields, 'joinedAtIndex', 1, COUNTER_MAX),
    joinedAtMs: integer(fields, 'joinedAtMs', 0),
    addresses: addresses(fields, 'addresses'),
    ...ephemerality(fields),
  }
}

function readInvitation(value: unknown): Invitation {
  const fields = fieldsOf(value, 'an invitation')
  return {
    ...fields,
    verifier: base64url(fields, 'verifier', TOKEN_PART_MAX),
    role: role(fields, 'role'),
    zone: label(fields, 'zone', { min: 0 }),
    uses: integer(fields, 'uses', 1, INVITATION_USES_MAX),
    used: integer(fields, 'used', 0, INVITATION_USES_MAX),
    expiresAtMs: integer(fields, 'expiresAtMs', 0),
    createdBy: peerId(fields, 'createdBy'),
    createdAtIndex: integer(fields, 'createdAtIndex', 1, COUNTER_MAX),
    revoked: flag(fields, 'revoked'),
    ...ephemerality(fields),
  }
}

function readClaim(value: unknown): UnitClaim {
  const { digest, replicas, ...rest } = fieldsOf(value, 'a claim of a unit')
  return {
    ...readProvider(rest),
    ...(digest === undefined ? {} : { digest: sha256({ digest }, 'digest') }),
    ...(replicas === undefined ? {} : { replicas: list({ replicas }, 'replicas', UNIT_PROVIDERS_MAX - 1).map(readProvider) }),
  }
}

function readProvider(value: unknown): UnitProvider {
  const fields = fieldsOf(value, 'a provider of a unit')
  return {
    ...fields,
    peer: peerId(fields, 'peer'),
    claimedAtMs: integer(fields, 'claimedAtMs', 0),
    term: integer(fields, 'term', 1, COUNTER_MAX),
    index: integer(fields, 'index', 1, COUNTER_MAX),
  }
}

function readName(value: unknown): NameGrant {
  const fields = fieldsOf(value, 'a granted name')
  return { ...fields, unit: unitName(fields, 'unit'), grantedAtIndex: integer(fields, 'grantedAtIndex', 1, COUNTER_MAX) }
}

function readAlert(value: unknown): AlertRecord {
  const fields = fieldsOf(value, 'an alert')
  const { acknowledged, climbedAtMs, closed } = fields
  return {
    ...fields,
    ...alertContent(fields),
    peer: peerId(fields, 'peer'),
    raisedAtIndex: integer(fields, 'raisedAtIndex', 1, COUNTER_MAX),
    raisedAtMs: integer(fields, 'raisedAtMs', 0),
    ...(acknowledged === undefined ? {} : { acknowledged: alertMark(fieldsOf(acknowledged, 'a mark of an alert')) }),
    ...(climbedAtMs === undefined ? {} : { climbedAtMs: integer(fields, 'climbedAtMs', 0) }),
    ...(closed === undefined ? {} : { closed: readClosed(fieldsOf(closed, 'a mark of an alert')) }),
  }
}

function readClosed(fields: Fields): NonNullable<AlertRecord['closed']> {
  return { ...alertMark(fields), index: integer(fields, 'index', 1, COUNTER_MAX) }
}

function readLink(value: unknown): Link {
  const fields = fieldsOf(value, 'a link')
  return {
    ...fields,
    index: integer(fields, 'index', 1, COUNTER_MAX),
    certificate: base64url(fields, 'certificate', 2 * LINK_BYTES_MAX),
  }
}

function readMark(value: unknown): CharterMark {
  const fields = fieldsOf(value, 'a change of the charter')
  return {
    ...fields,
    index: integer(fields, 'index', 1, COUNTER_MAX),
    epoch: integer(fields, 'epoch', 1),
    digestBefore: label(fields, 'digestBefore', { min: 0 }),
    digestNow: label(fields, 'digestNow', { min: 0 }),
    ...(fields['certificate'] === undefined ? {} : { certificate: base64url(fields, 'certificate', 2 * LINK_BYTES_MAX) }),
  }
}

function readPending(value: unknown): PendingChange {
  const fields = fieldsOf(value, 'a change of voters')
  return {
    ...readMark(fields),
    before: peerIds(fields, 'before', VOTERS_MAX),
    now: peerIds(fields, 'now', VOTERS_MAX),
    ...(fields['recoverers'] === undefined ? {} : { recoverers: keys(fields) }),
  }
}

function keys(fields: Fields): readonly string[] {
  return list(fields, 'recoverers', RECOVERERS_MAX).map((key) => base64url({ key }, 'key', TOKEN_PART_MAX))
}

function readSessionKey(value: unknown): SessionKeyRecord {
  const fields = fieldsOf(value, 'a session key')
  const key = (from: Fields): { keyId: string; digest: string } => ({
    keyId: label(from, 'keyId'),
    digest: base64url(from, 'digest', TOKEN_PART_MAX),
  })
  return {
    ...fields,
    ...key(fields),
    ...(fields['previous'] === undefined ? {} : { previous: key(fieldsOf(fields['previous'], 'a session key')) }),
    by: peerId(fields, 'by'),
    index: integer(fields, 'index', 1, COUNTER_MAX),
    atMs: integer(fields, 'atMs', 0),
  }
}

function readConfiguration(value: unknown): Configuration {
  const fields = fieldsOf(value, 'a configuration')
  const voters = peerIds(fields, 'voters', VOTERS_MAX)
  if (voters.length === 0) throw new InvalidArgumentError('a configuration must name a voter')
  return {
    voters,
    outgoing: peerIds(fields, 'outgoing', VOTERS_MAX),
    learners: peerIds(fields, 'learners', LEARNERS_MAX),
    learnersNext: peerIds(fields, 'learnersNext', VOTERS_MAX),
    autoLeave: flag(fields, 'autoLeave'),
    ...(fields['version'] === undefined ? {} : { version: integer(fields, 'version', 0, COUNTER_MAX) }),
  }
}
