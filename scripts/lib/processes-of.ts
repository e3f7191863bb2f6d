import { readdirSync, readFileSync } from 'node:fs'

/** Processes of this machine whose environment names the folder: nodes and whatever they started. Linux only; none elsewhere. */
export function liveProcessesOf(folder: string): number[] {
  const pids: number[] = []
  for (const name of readProc()) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8')
      const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
      if (state !== 'Z' && environment.includes(folder) && Number(name) !== process.pid) pids.push(Number(name))
    } catch {
      // Gone meanwhile, or somebody else's.
    }
  }
  return pids
}

function readProc(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}
