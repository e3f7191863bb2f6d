import { hostname } from 'node:os'
import { FEATURE_LEVEL } from '@vsmcp/consensus'
import { type MeshId, type PeerIdString, seededRandom, silentLogger, systemClock } from '@vsmcp/kernel'
import { createMesh, type Mesh } from '@vsmcp/mesh'
import {
  checkInvitation,
  decodeToken,
  type Identity,
  type Invitation,
  type Joined,
  joinerSession,
  loadIdentity,
  runJoin,
} from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import type { MemberRole } from '../members/contract.ts'
import { AlreadyEnrolledError, NotEnrolledError } from '../errors.ts'
import { dataDirectory, makeDataDirectory } from './data-directory.ts'
import { type Enrolment, readEnrolment, writeEnrolment } from './enrolment.ts'
import { identityOf } from './keys.ts'
import type { EnrolProgress } from './init-mesh.ts'

export interface JoinMeshOptions {
  dataDir: string
  token: string
  /** Name of this node. @default the host name */
  name?: string
  /** Milliseconds for the whole exchange with the member that answers. @default 30_000 */
  timeoutMs?: number
  /** Text of the private network's key, where the mesh is inside one: the token does not hold it. */
  pnetKey?: string
  onProgress?: EnrolProgress
}

export interface JoinMeshResult {
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  role: MemberRole
  dataDir: string
  /** False when this directory had already redeemed the invitation. */
  joinedNow: boolean
}

/**
 * Enrols a data directory by an invitation. The identity is written before anybody is asked and the enrolment last, so a
 * join cut off in between is simply repeated: the same PeerId gets the same answer.
 */
export async function joinMesh(options: JoinMeshOptions): Promise<JoinMeshResult> {
  const { dataDir, onProgress = () => {} } = options
  const invitation = decodeToken(options.token)
  const present = await readEnrolment(dataDir)
  const isOurs = present !== undefined && !present.left && present.meshId === invitation.meshId
  if (isOurs && (present.invitation ?? invitation.id) === invitation.id) {
    const identity = await loadIdentity(dataDirectory(dataDir).identity)
    return {
      meshId: present.meshId,
      meshName: present.meshName,
      peerId: identity.peerId,
      role: present.role,
      dataDir,
      joinedNow: false,
    }
  }
  // With another invitation it may come back as who it was, after it was forgotten.
  if (present !== undefined && !isOurs) {
    throw new AlreadyEnrolledError(`${dataDir} belongs to the mesh ${present.meshName}`, {
      hint: present.left ? 'This node has left it: join in an empty directory.' : 'Choose another directory with --data-dir.',
    })
  }
  checkInvitation(invitation, { nowMs: systemClock.wallMs() })
  await makeDataDirectory(dataDir)
  const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
  try {
    const identity = await identityOf(dataDir)
    const name = options.name ?? hostname()
    onProgress(
      `Asking ${invitation.addresses.length} address${invitation.addresses.length === 1 ? '' : 'es'} of the mesh to let this node in`,
    )
    const enrolment = await askToJoin(invitation, identity, name, options)
    await writeEnrolment(dataDir, enrolment)
    const { meshId, meshName, role } = enrolment
    return { meshId, meshName, peerId: identity.peerId, role, dataDir, joinedNow: true }
  } finally {
    await store.stop()
  }
}

/** Who let a node in, and where it was met. */
interface LetIn {
  joined: Joined
  member: PeerIdString
  address: string
}

function enrolmentOf(invitation: Invitation, { joined, member, address }: LetIn): Enrolment {
  const { claims, credential, chain } = joined
  const others = joined.peers.filter(({ peer }) => peer !== member)
  const its = invitation.addresses.filter((invited) => invited.endsWith(`/p2p/${member}`))
  return {
    meshId: invitation.meshId,
    meshName: meshNameOf(joined),
    groupId: claims.group,
    path: chain.path,
    name: claims.name,
    role: claims.role === 'edge' ? 'edge' : 'member',
    left: false,
    invitation: invitation.id,
    credential,
    chain,
    peers: [{ peer: member, addresses: [...new Set([address, ...its])] }, ...others],
  }
}

export interface JoinOverOptions {
  identity: Identity
  name: string
  /** Where this node itself listens. */
  addresses: readonly string[]
  /** What this node shows of the groups it is in, where it is in any. */
  passport?: Uint8Array
  timeoutMs: number
}

/** Redeems an invitation over connections that are there. @returns what to write down */
export async function joinOver(
  mesh: Pick<Mesh, 'join'>,
  invitation: Invitation,
  { identity, name, addresses, passport, timeoutMs }: JoinOverOptions,
): Promise<Enrolment> {
  const options = { expect: invitation.inviters, exchangeTimeoutMs: timeoutMs }
  return mesh.join(invitation.addresses, options, async (exchange, member, address) => {
    const session = joinerSession({ invitation, self: identity.peerId, name, addresses, level: FEATURE_LEVEL, passport })
    const joined = await runJoin(session, member, exchange, () => systemClock.wallMs())
    return enrolmentOf(invitation, { joined, member, address })
  })
}

async function askToJoin(
  invitation: Invitation,
  identity: Identity,
  name: string,
  { timeoutMs = 30_000, pnetKey }: JoinMeshOptions,
): Promise<Enrolment> {
  const notYet = async (): Promise<never> => {
    throw new NotEnrolledError('this node is no member yet')
  }
  const mesh = createMesh({ listen: [], ...(pnetKey === undefined ? {} : { pnetKey }) })({
    privateKey: identity.privateKeyProtobuf,
    hello: { local: notYet, verify: notYet },
    clock: systemClock,
    random: seededRandom(Math.round(systemClock.wallMs())),
    logger: silentLogger,
  })
  await mesh.start()
  try {
    return await joinOver(mesh, invitation, { identity, name, addresses: [], timeoutMs })
  } finally {
    await mesh.stop()
  }
}

function meshNameOf({ chain }: Joined): string {
  const charter = JSON.parse(Buffer.from(chain.firstCharter.charter).toString('utf8')) as { meshName?: unknown }
  return typeof charter.meshName === 'string' ? charter.meshName : chain.meshId
}
