import { readdir, readFile } from 'node:fs/promises'

const BYTES_PER_KIB = 1_024

/**
 * Resident memory of process groups, bytes, from proc(5); empty where there is no such file system. Pages that processes share count for
 * each of them. Only what runs in the group counts: not the connections of the node to it.
 */
export async function memoryOfGroups(groups: ReadonlySet<number>): Promise<Map<number, number>> {
  const sums = new Map<number, number>()
  if (groups.size === 0) return sums
  const entries = await readdir('/proc').catch(() => [])
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue
    const group = await groupOf(entry)
    if (group === undefined || !groups.has(group)) continue
    sums.set(group, (sums.get(group) ?? 0) + (await residentOf(entry)))
  }
  return sums
}

/** The name in `stat` may hold spaces and brackets, so it is read from its end. */
async function groupOf(pid: string): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
  const group = text?.slice(text.lastIndexOf(')') + 2).split(' ')[2]
  return group === undefined ? undefined : Number(group)
}

/** A process that ended meanwhile has none. */
async function residentOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]
  return kib === undefined ? 0 : Number(kib) * BYTES_PER_KIB
}
