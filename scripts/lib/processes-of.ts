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

/** Ends what is left of a folder's processes: SIGTERM, and SIGKILL for what does not go. Resolves when nothing is left. */
export async function endProcessesOf(folder: string, graceMs = 5_000): Promise<void> {
  const until = performance.now() + graceMs
  let signal: NodeJS.Signals = 'SIGTERM'
  for (let left = liveProcessesOf(folder); left.length > 0; left = liveProcessesOf(folder)) {
    for (const pid of left) send(pid, signal)
    await new Promise((resolve) => setTimeout(resolve, 100))
    // Once is enough for an orderly stop: a node takes a second signal as "at once".
    signal = performance.now() > until ? 'SIGKILL' : 'SIGCONT'
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone meanwhile.
  }
}
