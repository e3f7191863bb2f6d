/**
 * Composition root: one node, wired and run. `initMesh` and `joinMesh` prepare a data directory, `createNode` runs what is in it.
 */
export { DEFAULT_HTTP, DEFAULT_LISTEN } from './constants.ts'
export type * from './control.ts'
export { meshKeyFile, readAnchorFile, signAnchorOf, writeAnchorFile } from './charter/anchor-file.ts'
export { type CharterCheck, readCharterFile, type VerifiedCharter } from './charter/charter-file.ts'
export { knownChain } from './enrol/enrolment.ts'
export { newOperatorKey, operatorKeyFile, operatorSigner, type OperatorSigner } from './charter/operator-signer.ts'
export { readDirectoryState, type DirectoryState } from './enrol/directory-state.ts'
export { type EnrolProgress, initMesh, type InitMeshOptions, type InitMeshResult } from './enrol/init-mesh.ts'
export { joinMesh, type JoinMeshOptions, type JoinMeshResult } from './enrol/join-mesh.ts'
export { checkPnetKey, newPnetKey } from '@vsmcp/mesh'
export { writeBackup } from './backup/backup-file.ts'
export { backupDirectory } from './backup/make-backup.ts'
export { restoreNode, type RestoreOptions, type RestoreResult } from './backup/restore-node.ts'
export { exportMeshKey, type MeshKeyExported, removeMeshKey } from './keys/mesh-key-file.ts'
export { keysInDirectory } from './keys/keys-view.ts'
export { recoverMesh, type RecoverOptions, type RecoverResult } from './recovery/recover-mesh.ts'
export { readLogFiles } from './log/node-log.ts'
export type { NodeInit, StopReason, VsmcpNode } from './node-init.ts'
export { createNode } from './vsmcp-node.ts'
/** For `vsmcp mcp`, which serves a running node's tools on stdin and stdout. */
export { createRemoteRouter, runStdio } from '@vsmcp/mcp'
