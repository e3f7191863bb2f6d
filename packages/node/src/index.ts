/**
 * Composition root: one node, wired and run. `init` and `join` prepare a data directory, `createNode` runs what is in it.
 */
export type * from './control.ts'
export { createNode, type NodeInit, type VsmcpNode } from './vsmcp-node.ts'
export { type EnrolProgress, initMesh, type InitMeshOptions, type InitMeshResult } from './enrol/init-mesh.ts'
export { joinMesh, type JoinMeshOptions, type JoinMeshResult } from './enrol/join-mesh.ts'
export { readDirectoryState, type DirectoryState } from './enrol/directory-state.ts'
