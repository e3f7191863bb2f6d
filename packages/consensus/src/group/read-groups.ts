import { InvalidArgumentError } from '@vsmcp/kernel'
import { COUNTER_MAX, GROUPS_DEPARTED_MAX, GROUPS_REMOVED_MAX, REASON_MAX } from '../constants.ts'
import type { ChildGroup, DepartedGroup, GroupPlace } from './docket.ts'
import { type Fields, fieldsOf, flag, groupId, integer, label, list, peerId, placeFields, sha256, unitName } from './fields.ts'

/** Readers of what a group's state says of groups. All throw `InvalidArgumentError`, naming the field. */
export function readGroup(value: unknown): ChildGroup {
  const fields = fieldsOf(value, 'a child group')
  const { move, awaited } = fields
  return {
    ...fields,
    name: unitName(fields, 'name'),
    founder: peerId(fields, 'founder'),
    charterDigest: sha256(fields, 'charterDigest'),
    createdAtMs: integer(fields, 'createdAtMs', 0),
    createdAtIndex: integer(fields, 'createdAtIndex', 1, COUNTER_MAX),
    ...(move === undefined ? {} : { move: integer({ move }, 'move', 1, COUNTER_MAX) }),
    ...(awaited === undefined ? {} : { awaited: yes(fields, 'awaited') }),
  }
}

function yes(fields: Fields, name: string): true {
  if (!flag(fields, name)) throw new InvalidArgumentError(`${name} is true, or not there`)
  return true
}

export function readDepartedGroups(fields: Fields): readonly DepartedGroup[] {
  return list(fields, 'departedGroups', GROUPS_DEPARTED_MAX).map((value) => {
    const departed = fieldsOf(value, 'a group that was moved away')
    return { ...departed, id: groupId(departed, 'id'), move: integer(departed, 'move', 0, COUNTER_MAX) }
  })
}

export function readPlace(value: unknown): GroupPlace {
  const fields = fieldsOf(value, 'the place of a group')
  return {
    ...fields,
    ...placeFields(fields),
    by: label(fields, 'by'),
    reason: label(fields, 'reason', { max: REASON_MAX }),
    atMs: integer(fields, 'atMs', 0),
    index: integer(fields, 'index', 1, COUNTER_MAX),
  }
}

export function readRemovedGroups(fields: Fields): readonly string[] {
  return list(fields, 'removedGroups', GROUPS_REMOVED_MAX).map((id) => groupId({ id }, 'id'))
}
