import type { Logger } from '@vsmcp/kernel'

/** Warnings and errors as lines on stderr, for a command whose stdout belongs to a protocol. */
export function stderrLogger(stderr: NodeJS.WritableStream, bound: object = {}): Logger {
  const write = (fields: object, msg: string): void => {
    const all = Object.entries({ ...bound, ...fields }).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    stderr.write(`vsmcp: ${msg}${all.join('')}\n`)
  }
  return {
    debug() {},
    info() {},
    warn: write,
    error: write,
    child: (fields) => stderrLogger(stderr, { ...bound, ...fields }),
  }
}
