import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { platform } from 'node:process'

interface ProcStat {
  state: string
  group: number
  startTime: string
}

/** Fields of `/proc/PID/stat`, proc(5); the name may hold spaces and brackets, so it is read from its end. */
function readStat(pid: number | string): ProcStat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, , group] = fields
  const startTime = fields[19]
  if (state === undefined || group === undefined || startTime === undefined) return undefined
  return { state, group: Number(group), startTime }
}

/**
 * When a process began, in a form that only compares: a pid is used again, a pid with its start time is not.
 * @returns `undefined` when there is no such process or it is a zombie
 */
export function processStartTime(pid: number): string | undefined {
  if (platform === 'linux') {
    const stat = readStat(pid)
    return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat.startTime
  }
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.trim() === '' ? undefined : text.trim()
  } catch {
    return undefined
  }
}

/** Start times of Linux count from the boot, so they only compare within one. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/** Sends `signal` to a process group. @returns whether there was one */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether a process of the group runs. Zombies do not count: where nobody reaps orphans (a container without init) they stay. */
export function isGroupAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false
  if (platform !== 'linux') return true
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = readStat(entry)
    if (stat?.group === group && stat.state !== 'Z' && stat.state !== 'X') return true
  }
  return false
}
