import type { Remains } from '@vsmcp/consensus'
import { type MeshId, type PeerIdString, silentLogger, systemClock } from '@vsmcp/kernel'
import {
  type Chain,
  decodeLinkStatement,
  KeyFileMissingError,
  loadIdentity,
  loadMeshKey,
  loadOperatorKey,
  type MeshKey,
  newestRecovery,
  type OperatorKey,
} from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { dataDirectory } from '../enrol/data-directory.ts'
import { type Enrolment, requireEnrolment, writeEnrolment } from '../enrol/enrolment.ts'
import { NotRecoverableError, RecoveryUnfinishedError } from '../errors.ts'
import { chainWithLinks, digestOf, epochOf, type NextEpoch, remainsOfLog, startEpoch } from './next-epoch.ts'

export interface RecoverOptions {
  dataDir: string
  /** Where the mesh key is, when it is not in the data directory. */
  meshKeyFile?: string
  /** The key of an operator that the charter marks for recovery, in place of the mesh key. */
  recoveryKeyFile?: string
  /** False: only say what would be done, and change nothing. */
  force: boolean
}

export interface RecoverResult {
  done: boolean
  meshId: MeshId
  meshName: string
  peerId: PeerIdString
  /** The epoch that begins, and the one that ends. */
  epoch: number
  before: number
  /** Index up to which this node's log goes: what was decided elsewhere beyond it is lost. */
  recoveredIndex: number
  /** How many entries up to there this node did not know to be decided; they count now. */
  uncommitted: number
  /** They vote no more until System 5 makes them voters again. */
  droppedVoters: { peerId: PeerIdString; name: string }[]
  members: number
  dataDir: string
}

/**
 * Rule 9, on the data directory of a stopped node: the majority of the voters is lost for good, so the mesh key, or a
 * recovery key that the charter names, starts the next epoch, with this node as its only voter and from its own log. The chain that says so is written first and the log after it; cut off in
 * between, the node does not start, and the same command finishes it.
 */
export async function recoverMesh(options: RecoverOptions): Promise<RecoverResult> {
  const { dataDir, force } = options
  const enrolment = await requireEnrolment(dataDir)
  const store = await openStore({ dir: dataDir, create: false })({ clock: systemClock, logger: silentLogger })
  try {
    const { peerId } = await loadIdentity(dataDirectory(dataDir).identity)
    const remains = remainsOfLog(await store.raft.load(), enrolment.chain)
    assertMember(remains, peerId)
    const isUnfinished = isCutOff(enrolment.chain, remains.state.charter.epoch, peerId)
    const result = resultOf(options, enrolment, remains, peerId, isUnfinished)
    const next = isUnfinished
      ? unfinished(enrolment.chain, remains)
      : startEpoch(remains, chainWithLinks(enrolment.chain, remains.state), peerId, await keyOf(options, enrolment))
    if (!force) return result
    await writeEnrolment(dataDir, { ...enrolment, chain: next.chain })
    await store.raft.replace(next.stored)
    return { ...result, done: true }
  } finally {
    await store.stop()
  }
}

/** Throws `RecoveryUnfinishedError` when the chain names this node as the voter of an epoch that its log has not begun. */
export function refuseUnfinished(dataDir: string, chain: Chain, logEpoch: number | undefined, self: PeerIdString): void {
  if (logEpoch === undefined || !isCutOff(chain, logEpoch, self)) return
  throw new RecoveryUnfinishedError(`the recovery of ${dataDir} was cut off`, {
    hint: 'Run `vsmcp recover --force-quorum` again: it goes on where it stopped.',
    details: { epoch: chain.epoch, logEpoch },
  })
}

function isCutOff(chain: Chain, logEpoch: number, self: PeerIdString): boolean {
  const recovery = newestRecovery(chain)
  return logEpoch < chain.epoch && recovery?.voter === self && recovery.index === chain.index
}

function assertMember({ state }: Remains, self: PeerIdString): void {
  if (state.members.has(self)) return
  throw new NotRecoverableError('this node is no member of the group any more', {
    hint: 'Recover on one that is: it was in step with the group when it was lost.',
  })
}

function unfinished(chain: Chain, remains: Remains): NextEpoch {
  const link = chain.links.at(-1)
  const next = link === undefined ? undefined : epochOf(remains, chain, link)
  if (
    link === undefined ||
    next === undefined ||
    decodeLinkStatement(link.statement).digestNow !== digestOf(next.state.charter)
  ) {
    throw new NotRecoverableError('this recovery was begun from another state of the log', {
      hint: 'Back up what the directory holds with `vsmcp backup`, and bring the mesh back with `vsmcp restore --force-quorum`.',
    })
  }
  return next
}

async function keyOf(
  { dataDir, meshKeyFile, recoveryKeyFile }: RecoverOptions,
  { meshName }: Enrolment,
): Promise<MeshKey | OperatorKey> {
  if (recoveryKeyFile !== undefined) return loadOperatorKey(recoveryKeyFile)
  if (meshKeyFile !== undefined) return loadMeshKey(meshKeyFile)
  try {
    return await loadMeshKey(dataDirectory(dataDir).meshKey)
  } catch (cause) {
    if (!(cause instanceof KeyFileMissingError)) throw cause
    throw new NotRecoverableError(`the key of the mesh ${meshName} is not in ${dataDir}`, {
      hint: 'It lies where the mesh was made, or where `vsmcp key export` put it: name that file with --mesh-key, or an operator key that may recover with --recovery-key.',
      cause,
    })
  }
}

function resultOf(
  { dataDir }: RecoverOptions,
  { chain, meshId, meshName }: Enrolment,
  { state, index, uncommitted }: Remains,
  self: PeerIdString,
  isUnfinished: boolean,
): RecoverResult {
  const before = isUnfinished ? state.charter.epoch : chain.epoch
  const dropped = state.charter.voters.filter((voter) => voter !== self)
  return {
    done: false,
    meshId,
    meshName,
    peerId: self,
    epoch: isUnfinished ? chain.epoch : chain.epoch + 1,
    before,
    recoveredIndex: index,
    uncommitted,
    droppedVoters: dropped.map((peerId) => ({ peerId, name: state.members.get(peerId)?.name ?? peerId })),
    members: state.members.size,
    dataDir,
  }
}
