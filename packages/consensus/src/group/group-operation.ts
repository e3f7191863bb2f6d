import type { GroupId } from '@vsmcp/kernel'
import type { Authored, OperatorSigned } from './operation.ts'

/** The author founds a group below this one. */
export interface GroupCreate extends Authored {
  readonly op: 'group:create'
  /** Made of its first charter: see `security`, `groupIdOf`. */
  readonly id: GroupId
  readonly name: string
  /** Hex SHA-256 of its first charter, as carried. */
  readonly charterDigest: string
}
/** By its founder, a delegate of it, or a voter. */
export interface GroupRename extends Authored {
  readonly op: 'group:rename'
  readonly id: GroupId
  readonly name: string
}
/** By its founder, a delegate of it, or a voter; refused while delegates of it are members. */
export interface GroupRemove extends Authored {
  readonly op: 'group:remove'
  readonly id: GroupId
}
/** The author has a group that stands elsewhere admitted below this one: its name is kept free, and its delegates are let in, until it says that it is here. */
export interface GroupAwait extends Authored {
  readonly op: 'group:await'
  readonly id: GroupId
  readonly name: string
  /** Hex SHA-256 of its first charter, as carried. */
  readonly charterDigest: string
  /** Which of its moves is to bring it here: `GroupPlace.move`. */
  readonly move: number
  /** Levels of groups below it. */
  readonly levels: number
  /** The author has its home in that group, and speaks for it here. */
  readonly asDelegate: boolean
}
/** This group is to stand below another one, as an operator has decided. */
export interface GroupMove extends OperatorSigned {
  readonly op: 'group:move'
  /** The group above from now on. */
  readonly parent: GroupId
  /** The path that it has there and the one before, and the groups above it from the root to that parent, as they are now. */
  readonly path: string
  readonly former: string
  readonly lineage: readonly GroupId[]
  /** One more than it has been moved already. */
  readonly move: number
}
/** What a child group has decided of its place, told by its founder here, a delegate of it, or a voter: it is here from now on, or elsewhere. */
export interface GroupPlaced extends Authored {
  readonly op: 'group:placed'
  readonly id: GroupId
  readonly parent: GroupId
  readonly move: number
}

export type GroupOperation = GroupCreate | GroupRename | GroupRemove | GroupAwait | GroupPlaced
