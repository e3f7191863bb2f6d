import { GROUPS_MAX, GROUP_DEPTH_MAX, type GroupId, InvalidArgumentError, UNIT_NAME_PATTERN } from '@vsmcp/kernel'

export const ROOT_PATH = '/'

/** Characters of a path at the longest: a slash and a label for each level. */
export const PATH_LENGTH_MAX = GROUP_DEPTH_MAX * 25

/** Labels of `/eu/plant-7`, none of `/`. Throws `InvalidArgumentError` for what is no path of a group. */
export function labelsOf(path: string): readonly string[] {
  if (path === ROOT_PATH) return []
  const [first, ...labels] = path.split('/')
  const wrong = labels.find((label) => !UNIT_NAME_PATTERN.test(label))
  if (first !== '' || labels.length === 0 || wrong !== undefined) {
    throw new InvalidArgumentError(`"${path.slice(0, PATH_LENGTH_MAX)}" is no path of a group`, {
      hint: 'It is "/", or "/" and labels of a-z, 0-9 and "-" (up to 24 characters, the first no "-") with "/" between them, such as /eu/plant-7.',
    })
  }
  if (labels.length > GROUP_DEPTH_MAX) {
    throw new InvalidArgumentError(`"${path.slice(0, PATH_LENGTH_MAX)}" is ${labels.length} levels deep`, {
      hint: `Groups nest up to ${GROUP_DEPTH_MAX} levels deep. Put some beside each other.`,
    })
  }
  return labels
}

export function isPath(text: string): boolean {
  try {
    labelsOf(text)
    return true
  } catch {
    return false
  }
}

export function pathUnder(parent: string, label: string): string {
  return parent === ROOT_PATH ? `/${label}` : `${parent}/${label}`
}

/** A group as its parent sees it. */
export interface ChildName {
  readonly group: GroupId
  /** Label in the path, and name of the unit that it is for its parent. */
  readonly name: string
}

/** Why a group may not stand where it is wanted. */
export type PlaceRefusal =
  | 'label-invalid'
  | 'name-taken'
  | 'already-there'
  | 'cycle'
  | 'too-deep'
  | 'too-many-children'
  | 'orphan'

export interface WantedPlace {
  readonly group: GroupId
  readonly name: string
  /** Levels below the group itself: 0 for one without children. */
  readonly levelsBelow?: number
}

/** Where it is to stand. */
export interface Above {
  /** Path of the parent, `undefined` when nobody knows the parent. */
  readonly path: string | undefined
  /** Ids from the root to the parent, both included. */
  readonly lineage: readonly GroupId[]
  readonly children: readonly ChildName[]
  /** Names of the parent's own units. */
  readonly isUnit: (name: string) => boolean
}

/** Whether a group may be made, or moved, there. @returns the reason why not, for a person, and its code */
export function refusedPlace(
  { group, name, levelsBelow = 0 }: WantedPlace,
  { path, lineage, children, isUnit }: Above,
): { readonly code: PlaceRefusal; readonly reason: string } | undefined {
  if (!UNIT_NAME_PATTERN.test(name)) {
    return no('label-invalid', `"${name.slice(0, 64)}" cannot be a group's name: a-z, 0-9 and "-", up to 24 characters`)
  }
  if (path === undefined) return no('orphan', `${name} has no parent: nobody knows the group it is to be in`)
  if (lineage.includes(group)) return no('cycle', `${name} would be below itself in ${path}`)
  if (labelsOf(path).length + 1 + levelsBelow > GROUP_DEPTH_MAX) {
    return no('too-deep', `${pathUnder(path, name)} and what is below it would be more than ${GROUP_DEPTH_MAX} levels deep`)
  }
  if (children.some((child) => child.group === group)) return no('already-there', `${name} is in ${path} already`)
  if (children.some((child) => child.name === name)) return no('name-taken', `${path} has a group ${name} already`)
  if (isUnit(name)) return no('name-taken', `${path} has a unit ${name} already`)
  if (children.length >= GROUPS_MAX) return no('too-many-children', `${path} has ${children.length} groups, the most it may have`)
  return undefined
}

const no = (code: PlaceRefusal, reason: string): { readonly code: PlaceRefusal; readonly reason: string } => ({ code, reason })
