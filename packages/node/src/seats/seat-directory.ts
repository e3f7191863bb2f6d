import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GroupId } from '@vsmcp/kernel'
import { dataDirectory } from '../enrol/data-directory.ts'

/** A group's id as the name of a directory: nothing that leads elsewhere. */
const GROUP_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Where the seat in a group keeps what it knows: a data directory of its own, but with the identity of the node. */
export function seatDirectory(dataDir: string, group: GroupId): string {
  if (!GROUP_ID.test(group)) throw new Error(`${group} cannot be a group's id`)
  return join(dataDirectory(dataDir).seats, group)
}

/** Groups in which the node has a seat, or began one. */
export async function seatsIn(dataDir: string): Promise<GroupId[]> {
  try {
    const entries = await readdir(dataDirectory(dataDir).seats, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isDirectory() && GROUP_ID.test(entry.name) ? [entry.name] : [])).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

export async function removeSeat(dataDir: string, group: GroupId): Promise<void> {
  await rm(seatDirectory(dataDir, group), { recursive: true, force: true, maxRetries: 3 })
}
