import { type GroupId, type MeshId, UNIT_NAME_PATTERN, type UnitName } from '@vsmcp/kernel'
import { TopicInvalidError } from './errors.ts'

/** What a topic is for. */
export type TopicName = 'unit' | 'coordination' | 'control' | 'intelligence' | 'policy' | 'alert' | 'state'

/** Names of the group's topics, and the way back from a name. */
export interface Topics {
  /** Throws `TopicInvalidError` for what cannot be a unit's name. */
  unit(name: UnitName): string
  readonly coordination: string
  readonly control: string
  readonly intelligence: string
  readonly policy: string
  readonly alert: string
  /** The shared document's updates: the state package's own bytes. */
  readonly state: string
  /** @returns undefined for a topic that is not one of this group */
  parse(topic: string): { topic: TopicName; unit?: UnitName } | undefined
}

const MESH_ID_PATTERN = /^[0-9a-f]{32}$/
const GROUP_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const UNIT_PREFIX = 'system:1:unit:'

/** The last part of each topic's name, as the user's description spells it. */
const SUFFIX = {
  coordination: 'system:2:coord',
  control: 'system:3:control',
  intelligence: 'system:4:intel',
  policy: 'system:5:policy',
  alert: 'algedonic:alert',
  state: 'state',
} as const satisfies Record<Exclude<TopicName, 'unit'>, string>

const NAME_OF_SUFFIX: ReadonlyMap<string, TopicName> = new Map([
  [SUFFIX.coordination, 'coordination'],
  [SUFFIX.control, 'control'],
  [SUFFIX.intelligence, 'intelligence'],
  [SUFFIX.policy, 'policy'],
  [SUFFIX.alert, 'alert'],
  [SUFFIX.state, 'state'],
])

/** The group whose topic it is; undefined for a topic of another form. */
export function groupOfTopic(topic: string): GroupId | undefined {
  const [head, , group, rest] = topic.split('/', 4)
  return head === 'vsmcp' && rest !== undefined ? group : undefined
}

/** Topics of a group: `vsmcp/<mesh>/<group>/…`. Throws `TopicInvalidError` for ids that cannot be part of a name. */
export function topicsOf(meshId: MeshId, group: GroupId): Topics {
  if (!MESH_ID_PATTERN.test(meshId)) throw new TopicInvalidError(`"${meshId}" is not a mesh id`, { hint: 'It is 32 hex digits.' })
  if (!GROUP_ID_PATTERN.test(group)) {
    throw new TopicInvalidError(`"${group}" cannot be a group's id in a topic`, {
      hint: 'Letters, digits, "-" and "_", at most 64.',
    })
  }
  const prefix = `vsmcp/${meshId}/${group}/`
  return Object.freeze({
    unit(name: UnitName) {
      if (!UNIT_NAME_PATTERN.test(name)) throw new TopicInvalidError(`"${name}" cannot be a unit's name in a topic`)
      return `${prefix}${UNIT_PREFIX}${name}`
    },
    coordination: prefix + SUFFIX.coordination,
    control: prefix + SUFFIX.control,
    intelligence: prefix + SUFFIX.intelligence,
    policy: prefix + SUFFIX.policy,
    alert: prefix + SUFFIX.alert,
    state: prefix + SUFFIX.state,
    parse(topic: string): { topic: TopicName; unit?: UnitName } | undefined {
      if (!topic.startsWith(prefix)) return undefined
      const suffix = topic.slice(prefix.length)
      const name = NAME_OF_SUFFIX.get(suffix)
      if (name !== undefined) return { topic: name }
      const unit = suffix.startsWith(UNIT_PREFIX) ? suffix.slice(UNIT_PREFIX.length) : ''
      return UNIT_NAME_PATTERN.test(unit) ? { topic: 'unit', unit } : undefined
    },
  })
}
