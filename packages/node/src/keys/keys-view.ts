import { loadIdentity } from '@vsmcp/security'
import { dataDirectory } from '../enrol/data-directory.ts'
import { requireEnrolment } from '../enrol/enrolment.ts'
import type { KeysView } from './contract.ts'
import { holdsMeshKey } from './mesh-key-file.ts'
import type { SessionKeys } from './session-keys.ts'

/** The keys of a running node, for people. */
export class KeysDesk {
  readonly #dataDir: string
  readonly #session: SessionKeys

  constructor(dataDir: string, session: SessionKeys) {
    this.#dataDir = dataDir
    this.#session = session
  }

  async show(): Promise<KeysView> {
    return { ...(await keysInDirectory(this.#dataDir)), session: this.#session.view() }
  }

  rotate(): Promise<string> {
    return this.#session.rotate()
  }
}

/** Of a node that does not run: of the session key only the running group can tell. */
export async function keysInDirectory(dataDir: string): Promise<KeysView> {
  const { meshId } = await requireEnrolment(dataDir)
  const { peerId } = await loadIdentity(dataDirectory(dataDir).identity)
  return { identity: peerId, mesh: { id: meshId, here: await holdsMeshKey(dataDir) }, session: null }
}
