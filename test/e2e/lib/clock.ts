/** How the clocks of a process are to be wrong. */
export interface ClockFault {
  /** Its wall clock is ahead by so much, milliseconds. @default 0 */
  aheadMs?: number
  /** Its monotonic clock and its timers run so many times as fast. @default 1 */
  rate?: number
}

/** Environment of a node whose machine has such clocks: loaded before the command, which has no other sources of time than these. */
export function clockOf({ aheadMs = 0, rate = 1 }: ClockFault): { NODE_OPTIONS: string } {
  const source = `
    const wallMs = Date.now
    Date.now = () => wallMs() + ${aheadMs}
    const begunMs = performance.now()
    const sinceMs = performance.now.bind(performance)
    performance.now = () => begunMs + ${rate} * (sinceMs() - begunMs)
    for (const name of ['setTimeout', 'setInterval']) {
      const real = globalThis[name]
      const faulty = (work, delayMs, ...args) => real(work, delayMs / ${rate}, ...args)
      globalThis[name] = Object.defineProperties(faulty, Object.getOwnPropertyDescriptors(real))
    }`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` }
}
