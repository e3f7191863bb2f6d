import { encodeGroupState, type GroupState } from '@vsmcp/consensus'
import { isoTime, type PeerIdString, silentLogger, systemClock } from '@vsmcp/kernel'
import { encodeChain, loadIdentity } from '@vsmcp/security'
import { openStore } from '@vsmcp/store'
import { dataDirectory, readIfThere } from '../enrol/data-directory.ts'
import { type Enrolment, requireEnrolment } from '../enrol/enrolment.ts'
import { NotRecoverableError } from '../errors.ts'
import { remainsOfLog } from '../recovery/next-epoch.ts'
import { type StoredUnitSpec, UnitSpecs } from '../system1/unit-specs.ts'
import { type Backup, encodeBackup } from './backup-file.ts'

export interface BackupOf {
  dataDir: string
  version: string
  enrolment: Enrolment
  self: PeerIdString
  units: readonly StoredUnitSpec[]
  group: { state: GroupState; index: number; term: number } | undefined
}

/** The text of a backup file. */
export async function backupOf({ dataDir, version, enrolment, self, units, group }: BackupOf): Promise<string> {
  const { meshId, meshName, groupId, path, name, role, chain, peers } = enrolment
  const config = await readIfThere(dataDirectory(dataDir).config)
  const backup: Backup = {
    madeAt: isoTime(systemClock.wallMs()),
    version,
    mesh: { id: meshId, name: meshName, groupId, path },
    node: { peerId: self, name, role },
    chain: Buffer.from(encodeChain(chain)).toString('base64'),
    peers: peers.map(({ peer, addresses }) => ({ peer, addresses: [...addresses] })),
    // Groups below run where there are seats in them; a node made anew from this has none.
    units: units.filter(({ source }) => source.kind !== 'group'),
    ...(config === undefined ? {} : { config }),
    ...(group === undefined
      ? {}
      : {
          group: {
            index: group.index,
            term: group.term,
            state: Buffer.from(encodeGroupState(group.state)).toString('base64'),
          },
        }),
  }
  return encodeBackup(backup)
}

/** Of a data directory on which no node runs, be it a copy. Changes nothing in it. */
export async function backupDirectory(dataDir: string, version: string): Promise<string> {
  const enrolment = await requireEnrolment(dataDir)
  const store = await openStore({ dir: dataDir, create: false, evenIfCopied: true })({ clock: systemClock, logger: silentLogger })
  try {
    const { peerId } = await loadIdentity(dataDirectory(dataDir).identity)
    const units = await new UnitSpecs(store.kv('units')).all((key, reason) => {
      throw new NotRecoverableError(`the unit ${key} in ${dataDir} cannot be read: ${reason}`, {
        hint: 'Start the node and detach it, then make the backup again.',
      })
    })
    const stored = await store.raft.load()
    const group = stored?.snapshot === undefined ? undefined : remainsOfLog(stored, enrolment.chain)
    return await backupOf({ dataDir, version, enrolment, self: peerId, units, group })
  } finally {
    await store.stop()
  }
}
