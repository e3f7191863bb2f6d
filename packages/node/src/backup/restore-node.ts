import { decodeGroupState, encodeGroupState, type GroupState, Table, type UnitProvider } from '@vsmcp/consensus'
import {
  InvalidArgumentError,
  type KeyValueStore,
  type MeshId,
  type PeerIdString,
  silentLogger,
  systemClock,
} from '@vsmcp/kernel'
import {
  type Chain,
  combineCredential,
  type Credential,
  credentialPayload,
  decodeChain,
  decodeToken,
  type Identity,
  loadMeshKey,
  loadOperatorKey,
  orThrow,
  signCredential,
  verifyChain,
} from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { dataDirectory, makeDataDirectory, readIfThere, writeWhole } from '../enrol/data-directory.ts'
import { readEnrolment, writeEnrolment } from '../enrol/enrolment.ts'
import type { EnrolProgress } from '../enrol/init-mesh.ts'
import { joinMesh } from '../enrol/join-mesh.ts'
import { identityOf } from '../enrol/keys.ts'
import { AlreadyEnrolledError, NotRecoverableError } from '../errors.ts'
import { startEpoch } from '../recovery/next-epoch.ts'
import { UnitSpecs } from '../system1/unit-specs.ts'
import { type Backup, readBackup } from './backup-file.ts'

export interface RestoreOptions {
  dataDir: string
  file: string
  /** Where the mesh still lives: an invitation to it. */
  token?: string
  /** Where it does not: its key, with which this node starts the next epoch alone. */
  meshKeyFile?: string
  /** In its place the key of an operator that the charter in the backup marks for recovery. */
  recoveryKeyFile?: string
  /** @default as it was called */
  name?: string
  timeoutMs?: number
  onProgress?: EnrolProgress
}

export interface RestoreResult {
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  /** The node the backup is of: another identity, and no member any more once it is evicted. */
  formerPeerId: PeerIdString
  name: string
  units: string[]
  /** Whether `vsmcp.yaml` was brought back; false when there is none, or another one is there. */
  config: boolean
  /** The epoch that was started; null where the node joined. */
  epoch: number | null
  dataDir: string
}

/**
 * A new node with the units and the configuration of an old one. Nothing of the old one's identity or votes comes back: with a token it
 * joins the mesh; with the mesh key (or a recovery key), when there is no mesh left to join, it starts the next epoch from the charter and docket in the
 * backup. The enrolment is written last: cut off before, the same command does it all again; after, the directory is a living
 * node's and is not touched.
 */
export async function restoreNode(options: RestoreOptions): Promise<RestoreResult> {
  const { dataDir, file, token, meshKeyFile, recoveryKeyFile, onProgress = () => {} } = options
  const backup = await readBackup(file)
  await assertNoNode(dataDir)
  if (token !== undefined && decodeToken(token).meshId !== backup.mesh.id) {
    throw new InvalidArgumentError(`the invitation is not to the mesh ${backup.mesh.name}, which ${file} is of`, {
      hint: 'Make one with `vsmcp invite` on a member of that mesh.',
    })
  }
  if ([token, meshKeyFile, recoveryKeyFile].filter((given) => given !== undefined).length !== 1) {
    throw new InvalidArgumentError(
      'a restored node joins by an invitation, or starts the next epoch by the mesh key or a recovery key: give one of the three',
    )
  }
  await makeDataDirectory(dataDir)
  onProgress(`Bringing back ${backup.units.length} units`)
  await inStore(dataDir, (store) => putUnits(store.kv('units'), backup))
  const config = await putConfig(dataDir, backup)
  const name = options.name ?? backup.node.name
  const epoch = token === undefined ? await beginEpoch(options, backup, name) : null
  if (token !== undefined) await joinMesh({ ...options, token, name })
  const { peerId } = await identityOf(dataDir)
  return {
    meshId: backup.mesh.id,
    meshName: backup.mesh.name,
    peerId,
    formerPeerId: backup.node.peerId,
    name,
    units: backup.units.map((unit) => unit.name),
    config,
    epoch,
    dataDir,
  }
}

async function assertNoNode(dataDir: string): Promise<void> {
  const enrolment = await readEnrolment(dataDir)
  if (enrolment === undefined) return
  throw new AlreadyEnrolledError(`${dataDir} is a node of the mesh ${enrolment.meshName} already: nothing was restored over it`, {
    hint: 'Name another directory with --data-dir, one that is empty or not there yet.',
  })
}

async function inStore<T>(
  dataDir: string,
  work: (store: Awaited<ReturnType<ReturnType<typeof openStore>>>) => Promise<T>,
): Promise<T> {
  const store = await openStore({ dir: dataDir })({ clock: systemClock, logger: silentLogger })
  try {
    return await work(store)
  } finally {
    await store.stop()
  }
}

/** Those of an attempt before, perhaps from another backup, go. */
async function putUnits(kv: KeyValueStore, { units }: Backup): Promise<void> {
  const specs = new UnitSpecs(kv)
  const wanted = new Set(units.map(({ name }) => name))
  const present: string[] = []
  const range = { gte: '', lt: '\uffff', onDamaged: (key: string) => void present.push(key) }
  for await (const [key] of kv.entries(range)) present.push(key)
  for (const name of present) if (!wanted.has(name)) await specs.remove(name)
  for (const spec of units) await specs.put(spec)
}

async function putConfig(dataDir: string, { config }: Backup): Promise<boolean> {
  if (config === undefined) return false
  const file = dataDirectory(dataDir).config
  const present = await readIfThere(file)
  if (present === undefined) await writeWhole(file, config)
  return present === undefined || present === config
}

async function beginEpoch(
  { dataDir, meshKeyFile = '', recoveryKeyFile }: RestoreOptions,
  backup: Backup,
  name: string,
): Promise<number> {
  const { group, mesh, node, peers } = backup
  if (group === undefined) {
    throw new NotRecoverableError("this backup holds no copy of the group's charter and docket: a mesh cannot begin from it", {
      hint: 'Take the backup of a node that was in step with the group.',
    })
  }
  const key = await (recoveryKeyFile === undefined ? loadMeshKey(meshKeyFile) : loadOperatorKey(recoveryKeyFile))
  const chain = orThrow(verifyChain({ meshId: mesh.id, ...decodeChain(Buffer.from(backup.chain, 'base64')) }))
  return inStore(dataDir, async ({ raft }) => {
    const identity = await identityOf(dataDir)
    const { index, term } = group
    const state = withHeir(decodeGroupState(Buffer.from(group.state, 'base64')), node.peerId, identity.peerId, name)
    const next = startEpoch({ state, index, term, uncommitted: 0 }, chain, identity.peerId, key)
    await raft.replace(next.stored)
    await writeEnrolment(dataDir, {
      meshId: mesh.id,
      meshName: mesh.name,
      groupId: mesh.groupId,
      path: mesh.path,
      name,
      role: node.role,
      left: false,
      credential: await ownCredential(identity, next.chain, name, node.role),
      chain: next.chain,
      peers,
    })
    return next.chain.epoch
  })
}

/** The new identity in place of the old: as a member, and as the owner of its units. */
function withHeir(state: GroupState, former: PeerIdString, heir: PeerIdString, name: string): GroupState {
  const record = state.members.get(former)
  if (record === undefined) {
    throw new NotRecoverableError('the node that this backup is of was no member of the group any more', {
      hint: 'Take the backup of a member.',
    })
  }
  const members = [
    ...state.members.entries().filter(([peer]) => peer !== former),
    [heir, { ...record, name, addresses: [] }] as const,
  ]
  const inherited = <P extends UnitProvider>(provider: P): P =>
    provider.peer === former ? { ...provider, peer: heir } : provider
  const units = state.units
    .entries()
    .map(
      ([unit, { replicas, ...claim }]) =>
        [unit, { ...inherited(claim), ...(replicas === undefined ? {} : { replicas: replicas.map(inherited) }) }] as const,
    )
  return decodeGroupState(encodeGroupState({ ...state, members: Table.from(members), units: Table.from(units) }))
}

/** It is the only voter of the epoch, so its own signature is the majority. */
async function ownCredential(identity: Identity, chain: Chain, name: string, role: string): Promise<Credential> {
  const payload = credentialPayload({
    mesh: chain.meshId,
    group: chain.group,
    sub: identity.peerId,
    name,
    zone: '',
    role,
    jti: `epoch-${chain.epoch}-${identity.peerId.slice(-16)}`,
    voterIndex: chain.index,
    issuedAtMs: systemClock.wallMs(),
  })
  return combineCredential(payload, [await signCredential(identity, payload)], chain.voters)
}
