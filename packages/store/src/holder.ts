import { readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@vsmcp/kernel'
import { HOLDER_READS_MAX, HOLDER_WAIT_MS } from './constants.ts'
import { writeDurably } from './data-dir.ts'
import { StoreLockedError } from './errors.ts'

/**
 * Who has a data directory open. The lock itself is LevelDB's (held by the kernel, gone with the process); this file says
 * whose it is, and refuses before the database is touched. A process is known by pid, start time and boot, so that a pid
 * used again is not taken for the holder.
 */
interface Holder {
  pid: number
  /** Clock ticks since boot; absent where there is no /proc. */
  startTicks?: string
  bootId?: string
  sinceMs: number
}

const HOLDER_FILE = 'holder'

/** Throws `StoreLockedError` when a live process holds the directory. */
export async function refuseIfHeld(dir: string): Promise<void> {
  const holder = await readHolder(dir)
  if (holder !== undefined && isAlive(holder)) throw lockedError(dir, holder.pid)
}

/** To be written once LevelDB's lock is held. */
export async function writeHolder(dir: string, clock: Clock): Promise<void> {
  const { state: _, ...identity } = identityOf(process.pid)
  const holder: Holder = { ...identity, pid: process.pid, sinceMs: Math.round(clock.wallMs()) }
  await writeDurably(dir, HOLDER_FILE, `${JSON.stringify(holder)}\n`)
}

export async function removeHolder(dir: string): Promise<void> {
  await rm(join(dir, HOLDER_FILE), { force: true })
}

/** LevelDB's lock was held although the file named nobody alive: another opener is about to write its name, or it cannot be seen from here. */
export async function lockedByWhom(dir: string, clock: Clock): Promise<StoreLockedError> {
  for (let read = 0; read < HOLDER_READS_MAX; read++) {
    const holder = await readHolder(dir)
    if (holder !== undefined && isAlive(holder)) return lockedError(dir, holder.pid)
    await new Promise<void>((resolve) => {
      clock.after(HOLDER_WAIT_MS, resolve)
    })
  }
  return lockedError(dir, undefined)
}

function lockedError(dir: string, pid: number | undefined): StoreLockedError {
  const who = pid === undefined ? 'another process (not visible from here, perhaps in another container)' : `process ${pid}`
  return new StoreLockedError(`${dir} is in use by ${who}`, {
    hint: 'One node per data directory: stop that one ("vsmcp down"), or give this one another --data-dir.',
    details: { dir, pid: pid ?? null },
  })
}

async function readHolder(dir: string): Promise<Holder | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(dir, HOLDER_FILE), 'utf8'))
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const { pid, startTicks, bootId } = parsed as Partial<Holder>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined
    return {
      pid,
      sinceMs: 0,
      ...(typeof startTicks === 'string' ? { startTicks } : {}),
      ...(typeof bootId === 'string' ? { bootId } : {}),
    }
  } catch {
    return undefined // none, or torn by a crash: LevelDB's lock decides
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const now = identityOf(holder.pid)
  if (now.state === 'Z' || now.state === 'X') return false
  if (now.bootId !== undefined && holder.bootId !== undefined && now.bootId !== holder.bootId) return false
  return now.startTicks === undefined || holder.startTicks === undefined || now.startTicks === holder.startTicks
}

/** `state` is the letter of proc(5): a zombie (Z), which only waits for its parent to look, holds nothing any more. */
function identityOf(pid: number): { state?: string; startTicks?: string; bootId?: string } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command's name, in parentheses, may hold blanks; starttime is field 22, the 20th after it (proc(5)).
    const [state, ...rest] = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
    const startTicks = rest[18]
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return { bootId, ...(state === undefined ? {} : { state }), ...(startTicks === undefined ? {} : { startTicks }) }
  } catch {
    return {}
  }
}
