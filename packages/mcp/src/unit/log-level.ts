/** Levels of MCP's log messages, mildest first (RFC 5424). */
const LEVELS: readonly unknown[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

/** @returns whether a message of `level` is for one who asked for `wanted`; nobody gets messages without asking */
export function isSevereEnough(level: unknown, wanted: string | undefined): boolean {
  const from = LEVELS.indexOf(wanted)
  return from >= 0 && LEVELS.indexOf(level) >= from
}

/** @returns whether `level` lets more through than `than`; `undefined` is nothing said yet */
export function isMoreVerbose(level: string, than: string | undefined): boolean {
  const at = LEVELS.indexOf(level)
  return at >= 0 && (than === undefined || at < LEVELS.indexOf(than))
}
