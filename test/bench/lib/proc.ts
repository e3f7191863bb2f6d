import { readdirSync, readFileSync } from 'node:fs'

/** Kernel clock ticks per second, as `/proc/<pid>/stat` counts; 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100

export interface ProcessUse {
  pid: number
  command: string
  residentMB: number
  /** User and system time so far, in seconds. */
  cpuS: number
}

function read(pid: number): (ProcessUse & { parent: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return {
      pid,
      parent: Number(fields[1]),
      command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
      residentMB: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_000,
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
    }
  } catch {
    // It ended while we looked.
    return undefined
  }
}

/** A process and all that descend from it. Linux only. */
export function processTree(root: number): ProcessUse[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read(Number(name)))
    .filter((one) => one !== undefined)
  const found = all.filter(({ pid }) => pid === root)
  for (const parent of found) found.push(...all.filter((one) => one.parent === parent.pid))
  return found
}
