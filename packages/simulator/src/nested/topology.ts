import { type GroupId, type PeerIdString, ROOT_GROUP_ID } from '@vsmcp/kernel'
import { pathUnder, ROOT_PATH } from '@vsmcp/vsm'

/** Nodes at home in a group that has groups below it: they vote, and some of them are its delegates. */
const INNER_HOME = 5

/** Nodes of a group that has none below it, at most, and groups below one. */
const LEAF_HOME_MAX = 12
const CHILDREN_MAX = 10

/** A group as it was laid out. */
export interface GroupPlan {
  readonly id: GroupId
  /** Last label of its path. */
  readonly name: string
  readonly path: string
  /** Ids from the root to the group itself. */
  readonly lineage: readonly GroupId[]
  readonly parent: GroupPlan | undefined
  readonly children: GroupPlan[]
  /** Nodes at home in it, by number. */
  readonly home: readonly number[]
}

/** A tree of groups for so many nodes: the same shape at every size, only with more levels. */
export function layOut(nodes: number): readonly GroupPlan[] {
  const groups: GroupPlan[] = []
  let nextNode = 0
  const take = (count: number): number[] => Array.from({ length: count }, () => nextNode++)
  const grow = (count: number, name: string, parent: GroupPlan | undefined): GroupPlan => {
    const id = parent === undefined ? ROOT_GROUP_ID : groupIdOf(groups.length)
    const isLeaf = count <= LEAF_HOME_MAX
    const group: GroupPlan = {
      id,
      name,
      path: parent === undefined ? ROOT_PATH : pathUnder(parent.path, name),
      lineage: [...(parent?.lineage ?? []), id],
      parent,
      children: [],
      home: take(isLeaf ? count : INNER_HOME),
    }
    groups.push(group)
    if (!isLeaf) {
      for (const [at, share] of sharesOf(count - INNER_HOME).entries()) group.children.push(grow(share, `g${at}`, group))
    }
    return group
  }
  grow(nodes, '', undefined)
  return groups
}

/** As few children as hold so many nodes without one level more than needed, and as equal as can be. */
function sharesOf(nodes: number): number[] {
  let holds = LEAF_HOME_MAX
  while (nodes > CHILDREN_MAX * holds) holds = INNER_HOME + CHILDREN_MAX * holds
  const count = Math.max(2, Math.ceil(nodes / holds))
  return Array.from({ length: count }, (_, at) => Math.floor(((at + 1) * nodes) / count) - Math.floor((at * nodes) / count))
}

/** As long as real ids, so that messages and records are as large as real ones. */
function groupIdOf(number: number): GroupId {
  return `g${number.toString(36).padStart(31, '0')}`
}

/** Likewise; digits alone tell nodes apart, which the filling never is. */
export function peerIdOf(node: number): PeerIdString {
  return `12D3KooW${String(node).padStart(44, 'z')}`
}
