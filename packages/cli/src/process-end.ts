import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock, TimeoutError } from '@vsmcp/kernel'
import { POLL_PERIOD_MS } from './constants.ts'

/** Resolves when a process is gone; rejects with `TimeoutError`. A child that its parent has not looked after counts as gone. */
export async function processEnd(pid: number, timeoutMs: number): Promise<void> {
  const deadline = systemClock.monotonicMs() + timeoutMs
  while (isAlive(pid)) {
    if (systemClock.monotonicMs() > deadline) {
      throw new TimeoutError(`the node's process ${pid} is still there after ${timeoutMs} ms`, {
        hint: `See "vsmcp logs"; kill -9 ${pid} ends it without order, which a node survives.`,
      })
    }
    await delay(POLL_PERIOD_MS)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return !isZombie(pid)
}

/** Linux only; elsewhere a zombie counts as alive until it is reaped. */
function isZombie(pid: number): boolean {
  try {
    // `pid (name) state …`; the name may hold anything, brackets too.
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/s, ')'))
  } catch {
    return false
  }
}
