import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import { dataDirectory, readIfThere } from './data-directory.ts'
import { howItLeft } from './enrolment.ts'

/** What a data directory is, without opening its store. */
export interface DirectoryState {
  kind: 'empty' | 'enrolled' | 'left'
  /** It did not leave by its own wish: evicted, or taken off the list after an absence. */
  removed?: true
  /** Of a node that left: `was evicted from`, and then the name of the mesh. */
  how?: string
  meshId?: MeshId
  meshName?: string
  name?: string
  /** A live process works on it. */
  running?: { pid: number; peerId: PeerIdString; socketPath: string }
}

export async function readDirectoryState(dataDir: string): Promise<DirectoryState> {
  const files = dataDirectory(dataDir)
  const enrolment = parse(await readIfThere(files.enrolment))
  const running = parse(await readIfThere(files.running))
  const { pid, peerId, socketPath } = running ?? {}
  const alive =
    typeof pid === 'number' && typeof peerId === 'string' && typeof socketPath === 'string' && isAlive(pid)
      ? { running: { pid, peerId, socketPath } }
      : {}
  if (enrolment === undefined) return { kind: 'empty', ...alive }
  return {
    kind: enrolment['left'] === true ? 'left' : 'enrolled',
    ...(enrolment['evicted'] === true || enrolment['forgotten'] === true ? { removed: true } : {}),
    ...(enrolment['left'] === true
      ? { how: howItLeft({ evicted: enrolment['evicted'] === true, forgotten: enrolment['forgotten'] === true }) }
      : {}),
    ...(typeof enrolment['meshId'] === 'string' ? { meshId: enrolment['meshId'] } : {}),
    ...(typeof enrolment['meshName'] === 'string' ? { meshName: enrolment['meshName'] } : {}),
    ...(typeof enrolment['name'] === 'string' ? { name: enrolment['name'] } : {}),
    ...alive,
  }
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
