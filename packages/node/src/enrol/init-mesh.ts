import { hostname } from 'node:os'
import { bootstrap, canonicalBytes, type Charter, encodeGroupState, FEATURE_LEVEL, foundGroup } from '@vsmcp/consensus'
import { type MeshId, type PeerIdString, ROOT_GROUP_ID, silentLogger, systemClock } from '@vsmcp/kernel'
import {
  combineCredential,
  credentialPayload,
  type Identity,
  type MeshKey,
  type OperatorKey,
  orThrow,
  signCredential,
  signFirstCharter,
  verifyChain,
} from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { AlreadyEnrolledError } from '../errors.ts'
import { makeDataDirectory } from './data-directory.ts'
import { identityOf, meshKeyOf, operatorKeyOf } from './keys.ts'
import { type Enrolment, readEnrolment, writeEnrolment } from './enrolment.ts'

/** What the charter calls whoever made the mesh. */
const FIRST_OPERATOR = 'operator'

/** One step of an enrolment, for a person watching. */
export type EnrolProgress = (message: string) => void

export interface InitMeshOptions {
  dataDir: string
  /** Name of the mesh and of this node in it. @default the host name */
  name?: string
  onProgress?: EnrolProgress
}

export interface InitMeshResult {
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  dataDir: string
}

/**
 * Makes a new mesh in an empty data directory: the mesh key, the first charter signed by it, and this node as its first
 * voter. The enrolment is written last: a directory without it is not yet a member of anything, and `init` starts over.
 */
export async function initMesh(options: InitMeshOptions): Promise<InitMeshResult> {
  const { dataDir, name = hostname(), onProgress = () => {} } = options
  await assertUnused(dataDir)
  await makeDataDirectory(dataDir)
  const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
  try {
    await assertUnused(dataDir)
    const identity = await identityOf(dataDir)
    const meshKey = await meshKeyOf(dataDir)
    const operatorKey = await operatorKeyOf(dataDir)
    onProgress('Signing the first charter')
    const charter = firstCharter(meshKey, operatorKey, identity, name)
    const state = foundGroup(charter, {
      peer: identity.peerId,
      name,
      role: 'member',
      zone: '',
      addresses: [],
      joinedAtMs: Math.round(systemClock.wallMs()),
    })
    await store.raft.save({ ...bootstrap({ voters: [identity.peerId] }, encodeGroupState(state)), mustSync: true })
    await writeEnrolment(dataDir, await founderEnrolment(meshKey, identity, charter, name))
    return { meshId: meshKey.meshId, meshName: name, peerId: identity.peerId, dataDir }
  } finally {
    await store.stop()
  }
}

async function assertUnused(dataDir: string): Promise<void> {
  const enrolment = await readEnrolment(dataDir)
  if (enrolment === undefined) return
  throw new AlreadyEnrolledError(`${dataDir} belongs to the mesh ${enrolment.meshName} already`, {
    hint: enrolment.left
      ? 'This node has left it. Use another directory, or delete this one.'
      : 'Run the node with `vsmcp up`, or choose another directory with --data-dir.',
  })
}

function firstCharter(meshKey: MeshKey, operatorKey: OperatorKey, identity: Identity, meshName: string): Charter {
  return {
    meshId: meshKey.meshId,
    meshName,
    meshPublicKey: Buffer.from(meshKey.publicKey).toString('base64url'),
    groupId: ROOT_GROUP_ID,
    path: '/',
    epoch: 1,
    featureLevel: FEATURE_LEVEL,
    voters: [identity.peerId],
    policies: {},
    operators: [{ name: FIRST_OPERATOR, publicKey: operatorKey.publicKeyText }],
    revocations: [],
    zones: [],
  }
}

/** The founder is the only voter, so its own signature is the majority under its credential. */
async function founderEnrolment(meshKey: MeshKey, identity: Identity, charter: Charter, name: string): Promise<Enrolment> {
  const firstSigned = signFirstCharter(meshKey, canonicalBytes(charter))
  const chain = orThrow(verifyChain({ meshId: meshKey.meshId, firstCharter: firstSigned, links: [] }))
  const payload = credentialPayload({
    mesh: meshKey.meshId,
    group: ROOT_GROUP_ID,
    sub: identity.peerId,
    name,
    zone: '',
    role: 'member',
    jti: `founder-${identity.peerId.slice(-16)}`,
    voterIndex: chain.index,
    issuedAtMs: systemClock.wallMs(),
  })
  const credential = await combineCredential(payload, [await signCredential(identity, payload)], chain.voters)
  return {
    meshId: meshKey.meshId,
    meshName: charter.meshName,
    groupId: ROOT_GROUP_ID,
    path: charter.path,
    name,
    role: 'member',
    left: false,
    credential,
    chain,
    peers: [],
  }
}
