/** A libp2p PeerId in its base58btc text form (`12D3KooW…` for Ed25519). */
export type PeerIdString = string

/** Hex of the first 16 bytes of the SHA-256 of the mesh's public key. */
export type MeshId = string

/** Immutable id of a group; its path may change. The root group's id is `root`. */
export type GroupId = string

/** Name of a unit within its group: `[a-z0-9][a-z0-9-]{0,23}`. */
export type UnitName = string

export const UNIT_NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,23}$/

export const ROOT_GROUP_ID: GroupId = 'root'

/** Levels below the root: what shows a chain shows those of all groups above. */
export const GROUP_DEPTH_MAX = 8

/** Groups below one group: each is a unit of it, with delegates and a record that all of its members read. More of them get a level in between. */
export const GROUPS_MAX = 64
