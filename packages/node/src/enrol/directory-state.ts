import type { MeshId, PeerIdString } from '@vsmcp/kernel'
import { dataDirectory, readIfThere } from './data-directory.ts'

/** What a data directory is, without opening its store. */
export interface DirectoryState {
  kind: 'empty' | 'enrolled' | 'left'
  /** It did not leave by its own wish. */
  evicted?: true
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
    ...(enrolment['evicted'] === true ? { evicted: true } : {}),
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
