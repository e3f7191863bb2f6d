import { createContext, Script } from 'node:vm'

const script = new Script('work()')
let context: { work?: () => void } | undefined

/**
 * Runs synchronous work and stops it in mid-air when it takes too long. What it was changing is then in any state: throw
 * it away. (V8 ends the execution from a watchdog thread; `catch` and `finally` in the work do not run.)
 * @param timeLimitMs infinite: without the watchdog, whose start costs a millisecond
 * @returns false when it was stopped; throws what the work throws
 */
export function runWithin(timeLimitMs: number, work: () => void): boolean {
  if (timeLimitMs === Number.POSITIVE_INFINITY) {
    work()
    return true
  }
  context ??= createContext({})
  context.work = work
  try {
    script.runInContext(context, { timeout: timeLimitMs })
    return true
  } catch (error) {
    // Not `instanceof Error`: this one was made in the other context.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      return false
    throw error
  } finally {
    delete context.work
  }
}
