import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Whether a process runs; a zombie that nobody has reaped yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return stateOf(pid) !== 'Z'
}

function stateOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.charAt(text.lastIndexOf(')') + 2)
  } catch {
    return ''
  }
}

/** Looks until it is so: the system has no event for it. The test's own time limit is the bound. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(10)
}

export async function untilGone(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some((pid) => isRunning(pid)))
}
